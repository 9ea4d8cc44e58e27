# One name for the whole release, so that a second run finds the first one's file.
umask 077
mkdir -p -- "$to"
file="$to/$database-$RUN_STAMP.dump"
scratch=

quietly() { PGOPTIONS="${PGOPTIONS:-} -c client_min_messages=warning" "$@"; }

# pg_dump writes the file bit by bit; until it is whole it has another name.
tidy() {
  rm -f -- "$file.part" "$file.sha256.part"
  if [ -n "$scratch" ]; then quietly dropdb --if-exists -- "$scratch"; fi
}
trap tidy EXIT

if [ -f "$file" ] && [ -f "$file.sha256" ] && [ "$(checksum "$file")" = "$(cat "$file.sha256")" ]; then
  printf 'made before the interruption: %s\n' "$file"
else
  pg_dump --format=custom --file="$file.part"
  checksum "$file.part" >"$file.sha256.part"
  mv -- "$file.part" "$file"
  mv -- "$file.sha256.part" "$file.sha256"
fi

contents=$(pg_restore --list "$file")
tables=$(grep -c ' TABLE DATA ' <<<"$contents" || true)
bytes=$(wc -c <"$file" | tr -d ' ')
if [ "$verify" = restore ]; then
  name="tminus_verify_${RUN_STAMP//[^A-Za-z0-9]/_}"
  quietly dropdb --if-exists -- "$name"
  scratch=$name
  createdb --template=template0 -- "$scratch"
  pg_restore --exit-on-error --no-owner --no-privileges --single-transaction --dbname="$scratch" "$file"
  restored=$(sql --dbname="$scratch" -c "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'")
  if [ "$restored" -lt "$tables" ]; then
    stop "the backup $file names $tables tables, and only $restored came back from it: it is no backup to rely on"
  fi
  printf 'restored into a scratch database, which is removed again: %s tables\n' "$restored"
fi

printf '%s: %s bytes, %s tables with data, sha256 %s\n' "$file" "$bytes" "$tables" "$(cat "$file.sha256")"
if [ -n "$keep" ]; then
  # The newest by the stamp in their names; only files that this step made are looked at.
  find "$to" -maxdepth 1 -name "$database-[0-9]*.dump" | sort -r | tail -n "+$((keep + 1))" | while IFS= read -r old; do
    rm -f -- "$old" "$old.sha256"
    printf 'removed by retention (keep: %s): %s\n' "$keep" "$old"
  done
fi
{
  printf 'BACKUP_FILE=%s\n' "$file"
  printf 'BACKUP_SHA256=%s\n' "$(cat "$file.sha256")"
  printf 'BACKUP_BYTES=%s\n' "$bytes"
} >>"$RUN_OUT"
