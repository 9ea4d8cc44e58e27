survey
if [ "${#pending[@]}" -eq 0 ]; then printf 'nothing is pending: %s applied, %s of them by this release\n' "${#known[@]}" "$ours"; fi
if [ "${#pending[@]}" -gt 0 ]; then sql -c "set client_min_messages = warning" -c "create table if not exists public.tminus_migrations (
  name text primary key, checksum text not null, release text not null, applied_by text not null default session_user,
  started_at timestamptz not null default clock_timestamp(), finished_at timestamptz)"; fi

# The line in the ledger and the change are one transaction: there is never one without the other.
begins="insert into public.tminus_migrations (name, checksum, release) values (:'tminus_name', :'tminus_checksum', :'tminus_release');"
ends="update public.tminus_migrations set finished_at = clock_timestamp() where name = :'tminus_name';"
for file in "${pending[@]}"; do
  note_blocking "$file"
  printf 'apply %s\n' "$file"
  run_file "$file" "$begins" "$ends" "${file##*/}"
done
if [ "${#pending[@]}" -gt 0 ]; then printf '%s applied now; the ledger is public.tminus_migrations\n' "${#pending[@]}"; fi
