survey
if [ "${#pending[@]}" -eq 0 ]; then printf 'nothing is pending: %s applied, %s of them by this release\n' "${#known[@]}" "$ours"; fi
if [ "${#pending[@]}" -gt 0 ]; then sql -c "set client_min_messages = warning" -c "create table if not exists public.tminus_migrations (
  name text primary key, checksum text not null, release text not null, applied_by text not null default session_user,
  started_at timestamptz not null default clock_timestamp(), finished_at timestamptz)"; fi

# The line in the ledger and the change are one transaction: there is never one without the other.
# The lock is for a second runner, which is told at once instead of waiting.
begin_file() {
  cat <<'SQL'
select set_config('lock_timeout', :'tminus_lock_timeout', :tminus_local), set_config('statement_timeout', :'tminus_statement_timeout', :tminus_local) \g /dev/null
select :tminus_lock(hashtextextended('tminus_migrations', 0)) as tminus_free \gset
\if :tminus_free
\else
do $$ begin raise exception 'another migration is running on this database: let it end, then retry'; end $$;
\endif
insert into public.tminus_migrations (name, checksum, release) values (:'tminus_name', :'tminus_checksum', :'tminus_release');
SQL
}

for file in "${pending[@]}"; do
  name=${file##*/}
  note_blocking "$file"
  values=(-v tminus_name="$name" -v tminus_checksum="$(checksum "$file")" -v tminus_release="$RELEASE_ID"
    -v tminus_lock_timeout="$lock_timeout" -v tminus_statement_timeout="$statement_timeout")
  close="reset role; update public.tminus_migrations set finished_at = clock_timestamp() where name = '$name'"
  printf 'apply %s\n' "$file"
  if alone "$file"; then
    begin_file | sql "${values[@]}" -v tminus_local=false -v tminus_lock=pg_try_advisory_lock -f - -f "$file" -c "$close"
  else
    begin_file | sql "${values[@]}" -v tminus_local=true -v tminus_lock=pg_try_advisory_xact_lock --single-transaction -f - -f "$file" -c "$close"
  fi
done
if [ "${#pending[@]}" -gt 0 ]; then printf '%s applied now; the ledger is public.tminus_migrations\n' "${#pending[@]}"; fi
