# One name for the whole release, so that a second run finds the first one's file.
umask 077
needs_tools
stem="$database${environment:+-$environment}${again:+-$again}"
name="$stem-$RELEASE_ID.dump${encrypt:+.age}"
folder=$to
if [ -n "$bucket" ]; then folder=".tminus/$RELEASE_ID/backups"; fi
mkdir -p -- "$folder"
file="$folder/$name" plain="$folder/$stem-$RELEASE_ID.part" scratch=

# What is not whole has another name, and goes away with the step.
tidy() {
  rm -f -- "$plain" "$file.part" "$file.back"
  if [ -n "$scratch" ]; then quietly dropdb --if-exists -- "$scratch"; fi
}
trap tidy EXIT

is_whole() { [ -f "$file" ] && [ -f "$file.record" ] && [ -f "$file.sha256" ] && [ "$(checksum "$file")" = "$(cat "$file.sha256")" ]; }

# The counters are read before pg_dump takes its view: what falls between the two is told as lost
# although it is not, and never the other way round.
make() {
  local before contents counted='' sum
  before=$(counters)
  pg_dump --format=custom --file="$plain"
  contents=$(pg_restore --list "$plain") || stop "what pg_dump wrote cannot be read: this is no backup" "is there room on the disk, and is pg_restore of the version of pg_dump?"
  tables=$(grep -c ' TABLE DATA ' <<<"$contents" || true)
  if [ "$verify" = restore ]; then
    scratch="tminus_verify_${RELEASE_ID//[^A-Za-z0-9]/_}_${stem//[^A-Za-z0-9]/_}" scratch=${scratch:0:63}
    quietly dropdb --if-exists -- "$scratch"
    createdb --template=template0 -- "$scratch"
    restore_into "$scratch" "$plain" --no-owner --no-privileges
    counted=$(rows "$scratch")
    printf 'restored into a scratch database, which is removed again: %s tables\n' "$tables"
  fi
  sum=$(checksum "$plain")
  if [ -n "$encrypt" ]; then
    locked "$plain" "$file.part"
    if [ "$(checksum <(unlocked "$file.part"))" != "$sum" ]; then stop "what was encrypted does not come back as it was"; fi
  else
    mv -- "$plain" "$file.part"
  fi
  {
    printf 'database\t%s\nrelease\t%s\nbytes\t%s\ntables\t%s\nverified\t%s\n' "$database" "$RELEASE_ID" "$(wc -c <"$file.part" | tr -d ' ')" "$tables" "$verify"
    printf '%s\n' "$before" "$counted"
  } >"$file.record"
  checksum "$file.part" >"$file.sha256"
  mv -- "$file.part" "$file"
}

# Sends a file once. The store itself refuses a second one of that name, and checks what arrives.
send() {
  local key="$prefix${1##*/}" sum there said
  sum=$(printf '%b' "$(checksum "$1" | sed 's/../\\x&/g')" | base64)
  if [ "$(wc -c <"$1")" -gt 5368709120 ]; then stop "$1 is larger than the 5 GiB that one request may have" "let \`to\` be a folder, and send the file on in a step of its own (\$BACKUP_FILE)"; fi
  if ! said=$(s3 put-object --bucket "$bucket" --key "$key" --body "$1" --checksum-algorithm SHA256 --checksum-sha256 "$sum" --if-none-match '*' 2>&1) && [[ $said != *PreconditionFailed* ]]; then
    stop "s3://$bucket/$key was not taken: ${said##*$'\n'}"
  fi
  there=$(s3 head-object --bucket "$bucket" --key "$key" --checksum-mode ENABLED --query ChecksumSHA256 --output text)
  if [ "$there" = None ]; then
    # A store that keeps no checksums is asked for what it has.
    s3 get-object --bucket "$bucket" --key "$key" "$file.back" >/dev/null
    there=$(printf '%b' "$(checksum "$file.back" | sed 's/../\\x&/g')" | base64)
    rm -f -- "$file.back"
  fi
  if [ "$there" != "$sum" ]; then
    stop "s3://$bucket/$key is not what was made here, and was not overwritten" "here: sha256 $sum, there: $there" "find out whose it is; nothing was changed"
  fi
}

# All of it was sent, and the copy here removed, when the record is there: it is the last to go.
if [ -n "$bucket" ] && ! is_whole && s3 get-object --bucket "$bucket" --key "$prefix$name.record" "$file.record" >/dev/null 2>&1; then
  if ! grep -qFx -- "release"$'\t'"$RELEASE_ID" "$file.record"; then stop "s3://$bucket/$prefix$name is the backup of another release" "give each place that releases at the same time a prefix of its own"; fi
  s3 get-object --bucket "$bucket" --key "$prefix$name.sha256" "$file.sha256" >/dev/null
  sent=1
fi
if [ -f "$file.record" ] && ! grep -qFx -- "release"$'\t'"$RELEASE_ID" "$file.record"; then stop "$file is the backup of another release" "give each place that releases at the same time a folder of its own"; fi
if [ -n "${sent:-}" ] || is_whole; then
  tables=$(sed -n 's/^tables\t//p' "$file.record")
  printf 'made before the interruption: %s\n' "$file"
else
  make
fi
sum=$(cat "$file.sha256") bytes=$(sed -n 's/^bytes\t//p' "$file.record") place=$file
if [ -n "$bucket" ]; then
  if [ -z "${sent:-}" ]; then for part in "$file" "$file.sha256" "$file.record"; do send "$part"; done; fi
  place="s3://$bucket/$prefix$name"
  rm -f -- "$file" "$file.sha256" "$file.record"
  printf 'sent, and its checksum there is the one here\n'
fi
printf '%s: %s bytes, %s tables with data, sha256 %s\n' "$place" "$bytes" "$tables" "$sum"

# Oldest last by the stamp in their names. Only files that this step made are looked at, and never the
# one of this release.
of_this_kind() {
  local all
  if [ -n "$bucket" ]; then
    all=$(s3 list-objects-v2 --bucket "$bucket" --prefix "$prefix$stem-" --query 'Contents[].[Key]' --output text)
  else
    all=$(find "$to" -maxdepth 1 -name "$stem-*.dump*")
  fi
  sed 's,.*/,,' <<<"$all" | grep -E "^$(sed 's/[.+]/\\&/g' <<<"$stem")-[0-9]{8}-[0-9]{6}(-[0-9a-f]+)?\.dump(\.age)?$" | grep -vFx -- "$name" | sort -r || true
}
if [ -n "$keep" ]; then
  kind=$(of_this_kind)
  tail -n "+$keep" <<<"$kind" | while IFS= read -r old; do
    if [ -z "$old" ]; then continue; fi
    for part in "$old" "$old.sha256" "$old.record"; do
      if [ -n "$bucket" ]; then s3 delete-object --bucket "$bucket" --key "$prefix$part" >/dev/null; else rm -f -- "$to/$part"; fi
    done
    printf 'removed by retention (keep: %s): %s\n' "$keep" "$to/$old"
  done
fi
{
  printf 'BACKUP_FILE=%s\n' "$place"
  printf 'BACKUP_SHA256=%s\n' "$sum"
  printf 'BACKUP_BYTES=%s\n' "$bytes"
} >>"$RUN_OUT"
