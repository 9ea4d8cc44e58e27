# What the ledger in the database says of each file: `public.tminus_migrations`.
declare -A known=() state=()
declare -a pending=()
ours=0

read_ledger() {
  local there rows name sum how release
  there=$(sql -c "select to_regclass('public.tminus_migrations') is not null")
  if [ "$there" != t ]; then return 0; fi
  rows=$(sql -F '|' -c "select name, checksum, case when finished_at is null then 'open' else 'done' end, release from public.tminus_migrations")
  while IFS='|' read -r name sum how release; do
    if [ -z "$name" ]; then continue; fi
    known[$name]=$sum state[$name]=$how
    if [ "$release" = "$RELEASE_ID" ]; then ours=$((ours + 1)); fi
  done <<<"$rows"
}

# Marked in its first lines: such a file holds what PostgreSQL refuses in a transaction.
alone() { head -n 5 -- "$1" | grep -Eiq '^--[[:space:]]*tminus:[[:space:]]*no-transaction'; }

# One that lies beside its migration is matched by `apply` as well, where `undo` does not name it.
no_way_back() {
  local end
  for end in _rollback.sql .rollback.sql .down.sql; do
    if [[ $1 == *"$end" && ( -f ${1%"$end"}.sql || -f ${1%"$end"}.up.sql ) ]]; then
      stop "${1##*/} would be applied, and by its name it takes another file back" "let \`apply\` leave it out, or name it: \`undo: ${apply%%\**}*$end\`"
    fi
  done
}

# Prints what ends a transaction ("t LINE: STATEMENT") and what leaves the database or psql ("m LINE: COMMAND"),
# wherever it stands. Read as PostgreSQL and psql do: not in a string, a quoted name, a body between dollars, a
# comment, the rows of COPY, or the body of a function by BEGIN ATOMIC.
escapes() {
  LC_ALL=C awk '
    function told(    words) {
      words = tolower(statement); gsub(/[ \t\r\n]+/, " ", words); sub(/^ /, "", words); sub(/ $/, "", words)
      if (words ~ /begin atomic/) atomic = 1
      else if (atomic) { if (words == "end") atomic = 0 }
      else if (words ~ /^(begin|start transaction|commit|end|abort|rollback|prepare transaction)( |$)/ && words !~ /^rollback (work |transaction )?to /) print "t " first ": " words
      if (words ~ /^copy .* from stdin/) rows = 1
      statement = ""; first = 0
    }
    # Its beginning tells what a statement is; rows that are inserted may be a million.
    function take(text) {
      if (options || length(statement) > 2000) return
      if (!first && text ~ /[^ \t\r\n]/) first = NR
      statement = statement text
    }
    {
      if (rows) { if ($0 ~ /^\\\.\r?$/) rows = 0; next }
      rest = $0 "\n"; options = 0
      while (rest != "") {
        if (inside == "") {
          if (!match(rest, /\047|"|\$([A-Za-z_][A-Za-z_0-9]*)?\$|--|\/\*|;|\\[A-Za-z!;]/)) { take(rest); break }
          before = substr(rest, 1, RSTART - 1); sign = substr(rest, RSTART, RLENGTH); rest = substr(rest, RSTART + RLENGTH)
          take(before)
          if (sign == ";" || sign == "\\;") told()
          else if (sign == "--") { take("\n"); break }
          else if (sign == "/*") { inside = sign; depth = 1 }
          else if (substr(sign, 1, 1) == "\\") {
            match(substr(sign, 2) rest, /^(!|[A-Za-z_]+)/)
            command = substr(substr(sign, 2) rest, 1, RLENGTH)
            if (command ~ /^(!|c|connect|q|quit)$/) print "m " NR ": \\" command
            statement = ""; first = 0; options = 1
          }
          else { inside = sign; escaped = (sign == "\047" && before ~ /(^|[^A-Za-z0-9_])[eE]$/) }
        } else if (inside == "/*") {
          if (!match(rest, /\/\*|\*\//)) break
          depth += substr(rest, RSTART, 1) == "/" ? 1 : -1; rest = substr(rest, RSTART + 2)
          if (depth == 0) inside = ""
        } else if (escaped) {
          if (!match(rest, /\\.|\047/)) break
          if (substr(rest, RSTART, 1) == "\047") inside = ""
          if (inside == "") escaped = 0
          rest = substr(rest, RSTART + RLENGTH)
        } else {
          at = index(rest, inside); if (!at) break
          rest = substr(rest, at + length(inside)); inside = ""; take("x")
        }
      }
    }
    END { told() }' <"$1"
}

# A file that ends our transaction, or leaves this database, would escape the ledger.
readable() {
  local kind found
  while read -r kind found; do
    if [ "$kind" = m ]; then
      stop "$1 leaves this database or starts a shell: line $found" "take that line out; what is not SQL belongs into a step of the runbook"
    elif ! alone "$1"; then
      stop "$1 begins or ends a transaction by itself: line $found" "take it out: each file has a transaction of its own, with its line in the ledger" "or begin the file with: -- tminus: no-transaction"
    fi
  done < <(escapes "$1")
}

# What psql reads before a file: the limits, and the lock that tells a second runner at once instead of letting it
# wait. What it reads behind the file: that it is still the same session and transaction. A file that reads
# another one is not looked through.
before_file() {
  cat <<'SQL'
select set_config('lock_timeout', :'tminus_lock_timeout', :tminus_local), set_config('statement_timeout', :'tminus_statement_timeout', :tminus_local) \g /dev/null
select :tminus_lock(hashtextextended('tminus_migrations', 0)) as tminus_free \gset
\if :tminus_free
\else
do $$ begin raise exception 'another migration is running on this database: let it end, then retry'; end $$;
\endif
select pg_backend_pid() as tminus_session, case when :tminus_local then txid_current() else 0 end as tminus_transaction \gset
SQL
}
behind_file() {
  cat <<'SQL'
select :tminus_session = pg_backend_pid() and (not :tminus_local or :tminus_transaction = txid_current()) as tminus_whole \gset
\if :tminus_whole
\else
do $$ begin raise exception 'the file ended its transaction or changed the database: what it did before stays, and is not in the ledger'; end $$;
\endif
reset role;
SQL
}

# Runs a file between these; what it reads last is given, and stands in the same transaction.
run_file() {
  local file=$1 before=$2 last=$3 name=$4 values
  values=(-v tminus_name="$name" -v tminus_checksum="$(checksum "$file")" -v tminus_release="$RELEASE_ID"
    -v tminus_lock_timeout="$lock_timeout" -v tminus_statement_timeout="$statement_timeout")
  if alone "$file"; then
    values+=(-v tminus_local=false -v tminus_lock=pg_try_advisory_lock)
  else
    values+=(-v tminus_local=true -v tminus_lock=pg_try_advisory_xact_lock --single-transaction)
  fi
  sql "${values[@]}" -f <(before_file; printf '%s\n' "$before") -f "$file" -f <(behind_file; printf '%s\n' "$last")
}

# Statements that hold up everybody else for as long as they take on a large table. Only said: how
# large the table is, the author knows.
note_blocking() {
  local why pattern code
  # Without comments, and each statement on one line.
  code=$(sed 's/--.*//' -- "$1" | tr '\n\t' '  ' | sed 's/;/;\n/g')
  while IFS='~' read -r why pattern; do
    if grep -Ei "$pattern" <<<"$code" | grep -Eivq '(not[[:space:]]+valid|using[[:space:]]+index|[[:space:](]concurrently)'; then printf 'note: %s: %s\n' "${1##*/}" "$why"; fi
  done <<'LIST'
CREATE INDEX without CONCURRENTLY stops writes to the table until it is built~create[[:space:]]+(unique[[:space:]]+)?index[[:space:]]
a changed column type rewrites the table under an exclusive lock~alter[[:space:]]+(column[[:space:]]+)?[^[:space:]]+[[:space:]]+(set[[:space:]]+data[[:space:]]+)?type[[:space:]]
SET NOT NULL reads the whole table under an exclusive lock, unless a valid CHECK says so already~set[[:space:]]+not[[:space:]]+null
what is dropped is gone, and the version before this one may still read it~drop[[:space:]]+(table|column)
a rename breaks the version before this one at once~[[:space:]]rename[[:space:]]+([^[:space:]]+[[:space:]]+)?(to|column)[[:space:]]
TRUNCATE removes every row~truncate[[:space:]]
a constraint without NOT VALID reads the whole table while nobody may write; VALIDATE CONSTRAINT later does not~add[[:space:]]+(constraint[[:space:]]+[^[:space:]]+[[:space:]]+)?(check|foreign[[:space:]]+key)
a key without USING INDEX builds its index while nobody may write~add[[:space:]]+(constraint[[:space:]]+[^[:space:]]+[[:space:]]+)?(primary[[:space:]]+key|unique)
a default that is computed for each row rewrites the table under an exclusive lock~add[[:space:]]+(column[[:space:]]+)?.*default[[:space:]]+(gen_random_uuid|random|clock_timestamp|nextval|uuid_generate)
DROP INDEX without CONCURRENTLY waits for every query of the table, and they wait for it~drop[[:space:]]+index[[:space:]]
REINDEX without CONCURRENTLY stops writes~reindex[[:space:]]+(\([^)]*\)[[:space:]]*)?(table|index|schema|database)[[:space:]]
VACUUM FULL and CLUSTER rewrite the table while nobody may read it~(vacuum[[:space:]]+(\([^)]*)?full|cluster[[:space:]])
LOCK TABLE keeps everybody else out until the file is done~^[[:space:]]*lock[[:space:]]
a materialized view is refreshed while nobody may read it, without CONCURRENTLY~refresh[[:space:]]+materialized[[:space:]]+view[[:space:]]
LIST
  if command -v squawk >/dev/null; then squawk -- "$1" || true; fi
}

# Compares the files with the ledger; sets `pending`.
survey() {
  local file name earliest='' listed
  declare -A seen=()
  if [ "${#files[@]}" -eq 0 ]; then stop "no file matches $apply in $PWD" "is the path right, and was this version's code fetched before this step?"; fi
  listed=$(printf '%s\n' "${files[@]}" | sort -V)
  mapfile -t files <<<"$listed"
  read_ledger
  for file in "${files[@]}"; do
    name=${file##*/}
    if ! [[ $name =~ ^[A-Za-z0-9._+@-]+$ ]]; then stop "the name of $file has characters other than letters, digits and . _ - + @"; fi
    if [ -n "${seen[$name]:-}" ]; then stop "two files are called $name: the ledger knows files by their names"; fi
    seen[$name]=1
    if [ "${state[$name]:-}" = open ]; then
      stop "$name was begun outside a transaction, or ended its own, and nothing says how it ended" \
        "look at what it did (an index that was not finished shows as INVALID in psql's \\d), then say so in the ledger:" \
        "  it is all there:   update public.tminus_migrations set finished_at = now() where name = '$name';" \
        "  it is to run again: delete from public.tminus_migrations where name = '$name';" "and retry this step"
    elif [ -n "${known[$name]:-}" ]; then
      if [ "${known[$name]}" != "$(checksum "$file")" ]; then
        stop "$name was changed after it was applied to this database" "restore the file as it was, and put the change into a new file: databases that have it already would never get it"
      fi
      if [ -n "$earliest" ] && [ "$out_of_order" != true ]; then
        stop "$earliest comes before $name, which is applied already" "give it a later name, or write \`out_of_order: true\` if the order does not matter"
      fi
    elif [ -n "$baseline" ] && [ "$(printf '%s\n' "$name" "$baseline" | sort -V | head -n 1)" = "$name" ]; then
      continue
    else
      no_way_back "$file"
      readable "$file"
      earliest=${earliest:-$name}
      pending+=("$file")
    fi
  done
  for name in "${!known[@]}"; do
    if [ -z "${seen[$name]:-}" ]; then printf 'note: %s is applied to this database and is not among these files\n' "$name"; fi
  done
}
