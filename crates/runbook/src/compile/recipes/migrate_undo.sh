# Only what this release applied, the last first.
read_ledger
if [ "$ours" -eq 0 ]; then printf 'this release applied nothing to this database\n'; exit 0; fi
listed=$(sql -v tminus_release="$RELEASE_ID" -f - <<<"select name from public.tminus_migrations where release = :'tminus_release' order by started_at desc")
mapfile -t names <<<"$listed"
downs=()
for name in "${names[@]}"; do
  stem=${name#"$apply_head"}
  down="$undo_head${stem%"$apply_tail"}$undo_tail"
  if [ ! -f "$down" ]; then stop "$name has no way back: $down does not exist" "nothing was undone; write that file and retry, or restore the backup"; fi
  readable "$down"
  downs+=("$down")
done
for at in "${!names[@]}"; do
  name=${names[$at]} down=${downs[$at]}
  printf 'undo %s by %s\n' "$name" "$down"
  run_file "$down" '' "delete from public.tminus_migrations where name = :'tminus_name';" "$name"
done
left=$(sql -c "select count(*) || ' applied, the last is ' || coalesce((select name from public.tminus_migrations order by started_at desc limit 1), 'none') from public.tminus_migrations")
printf 'undone: %s; the database is where it was before this release: %s\n' "${#names[@]}" "$left"
