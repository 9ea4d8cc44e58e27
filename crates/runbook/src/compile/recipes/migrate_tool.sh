# The team's own tool changes the database. What it did is read from its history, not from its word.
declare -A state=() sums=()
declare -a pending=()

# Sets `state` by the names in the history: done or failed.
read_history() {
  local rows name how sum table=''
  state=() sums=()
  case $tool in
    prisma)
      table=$(sql -c "select oid::regclass from pg_class where relname = '_prisma_migrations' and relkind = 'r'")
      if [[ $table == *$'\n'* ]]; then stop "the table _prisma_migrations is in several schemas, so it cannot be told which one counts" "let the user of [databases] see only one"; fi
      if [ -z "$table" ]; then return 0; fi
      rows=$(sql -F '|' -c "select migration_name, case when finished_at is null then 'failed' else 'done' end, checksum from $table where rolled_back_at is null order by started_at") ;;
    supabase)
      if [ "$(sql -c "select to_regclass('supabase_migrations.schema_migrations') is not null")" != t ]; then return 0; fi
      rows=$(sql -F '|' -c "select version, 'done', '' from supabase_migrations.schema_migrations") ;;
    *)
      # Before the tool ran for the first time its table need not be there; afterwards it must.
      if ! rows=$(sql -v VERBOSITY=sqlstate -c 'set default_transaction_read_only = on' -f - <<<"$history" 2>&1); then
        if [ "$1" = before ] && [[ $rows == *42P01* || $rows == *3F000* ]]; then return 0; fi
        stop "the query \`history\` cannot be answered: ${rows##*$'\n'}" "it must give the name of each migration that is applied, one a row"
      fi
      rows=$(sed -n 's/..*/&|done|/p' <<<"$rows") ;;
  esac
  while IFS='|' read -r name how sum; do
    if [ -n "$name" ]; then state[$name]=$how sums[$name]=$sum; fi
  done <<<"$rows"
}

# The name that the history has for a file, or nothing.
known_as() {
  local file=${1##*/} name
  case $tool in
    prisma) file=${1%/migration.sql} && set -- "${file##*/}" ;;
    supabase) set -- "${file%%_*}" ;;
    # By its name, without its ending, or by its number.
    *) set -- "$file" "${file%.*}" "${file%%.*}" "$(sed -En 's/^[Vv]?([0-9]+([._][0-9]+)*).*/\1/p' <<<"$file")" ;;
  esac
  for name; do
    if [ -n "$name" ] && [ -n "${state[$name]:-}" ]; then printf '%s' "$name" && return 0; fi
  done
}

survey() {
  local file name
  if [ "${#files[@]}" -eq 0 ]; then stop "no file matches $apply in $PWD" "is the path right, and was this version's code fetched before this step?"; fi
  read_history before
  for name in "${!state[@]}"; do
    if [ "${state[$name]}" = failed ]; then
      stop "$name was begun and not finished, says the history of $tool" "look at what it did, then say so:" \
        "  it is all there:    npx prisma migrate resolve --applied $name" "  it was taken back:  npx prisma migrate resolve --rolled-back $name" "and retry this step"
    fi
  done
  for file in "${files[@]}"; do
    name=$(known_as "$file")
    if [ -z "$name" ]; then pending+=("$file")
    elif [ -n "${sums[$name]}" ] && [ "${sums[$name]}" != "$(checksum "$file")" ]; then
      stop "$file was changed after it was applied to this database" "restore the file as it was, and put the change into a new one: databases that have it already would never get it"
    fi
  done
}
