# What would be lost, and whether the database can be put back at all.
live=${PGDATABASE:-}
if [ -z "$live" ]; then stop "the address of $database names no database" "write it as postgres://user@host/name"; fi
stamp=${RELEASE_ID//[^A-Za-z0-9]/_}
kept="${live:0:34}_before_$stamp"
scratch="tminus_restore_${live:0:27}_$stamp"
lobby=postgres
if [ "$live" = postgres ]; then lobby=template1; fi
lobby() { sql --dbname="$lobby" -v live="$live" -v kept="$kept" -v scratch="$scratch" "$@"; }
exists() { lobby -v name="$1" -f - <<<"select exists (select from pg_database where datname = :'name')"; }

folder=$to name=$file
if [ -z "$name" ]; then name="$database${environment:+-$environment}-$RELEASE_ID.dump${encrypt:+.age}"; fi
work=".tminus/$RELEASE_ID/restore"

# Fetches a backup, or its record alone. Sets `source`, its file, and `record`, which may be empty.
find_backup() {
  local part
  umask 077
  mkdir -p -- "$work"
  record="$work/record" source="$folder/$name"
  if [ -n "$bucket" ]; then
    source="$work/$name"
    local parts=("$name.sha256" "$name.record")
    if [ "$1" = dump ]; then parts+=("$name"); fi
    for part in "${parts[@]}"; do
      if ! s3 get-object --bucket "$bucket" --key "$prefix$part" "$work/$part" >/dev/null; then stop "$to/$part could not be read"; fi
    done
    mv -- "$work/$name.record" "$record"
  else
    if [ ! -f "$source" ]; then stop "there is no backup $source in $PWD" "nothing was changed; name another one with \`file:\`"; fi
    if [ -f "$source.record" ]; then cp -- "$source.record" "$record"; else : >"$record"; fi
  fi
  if [ -f "$source.sha256" ]; then sum=$(cat "$source.sha256"); else sum=$(checksum "$source"); fi
}

# Compares the record with the server as it is now. Sets how it is known (`counters`, `rows`, `gone`,
# `unknown`), how many changes would be lost, and a sentence; prints a line for each table.
measure() {
  local now there counts age made=''
  there=$(exists "$live")
  now=$(lobby -c "select extract(epoch from clock_timestamp())::bigint")
  began=$(sed -n 's/^now\t\([0-9]*\)\t.*/\1/p' "$record")
  if [ -n "$began" ]; then
    age=$((now - began))
    made="The backup is $(span "$age") old (from $(lobby -c "set timezone = 'UTC'; select to_char(to_timestamp($began), 'YYYY-MM-DD HH24:MI:SS')") UTC)."
  else
    made="How old the backup is cannot be known: it has no record."
  fi
  if [ "$there" != t ]; then
    how=gone lost=0 told="$made The database $live is not there any more, so nothing more is lost."
    return 0
  fi
  counts=$(compare <(counters))
  if [ "${counts%%$'\t'*}" = counters ]; then
    IFS=$'\t' read -r how lost told <<<"${counts%%$'\n'*}"
    details "$counts"
  elif grep -q '^rows' "$record"; then
    why=${counts%%$'\n'*}
    counts=$(difference <(rows "$live"))
    IFS=$'\t' read -r how lost told <<<"${counts%%$'\n'*}"
    told="${why#*$'\t'} $told"
    details "$counts"
  else
    why=${counts%%$'\n'*} how=unknown lost=0
    told="How many rows changed since cannot be known. ${why#*$'\t'}"
  fi
  told="$made $told What $live holds now stays as $kept until somebody drops it."
}

details() { if [[ $1 == *$'\n'* ]]; then printf '%s\n' "${1#*$'\n'}"; fi; }
span() {
  if [ "$1" -lt 120 ]; then printf '%s s' "$1"
  elif [ "$1" -lt 7200 ]; then printf '%s min' "$(($1 / 60))"
  elif [ "$1" -lt 172800 ]; then printf '%s h' "$(($1 / 3600))"
  else printf '%s days' "$(($1 / 86400))"; fi
}

# By what the server counted since: complete, but for what came in within the last ten seconds.
compare() {
  awk -F '\t' -v live="$live" '
    FILENAME == ARGV[1] && $1 == "now" { server = $3; reset = $4; known = 1 }
    FILENAME == ARGV[1] && $1 == "table" { ins[$2] = $3; upd[$2] = $4; del[$2] = $5; name[$2] = $6; old[$2] = 1 }
    FILENAME == ARGV[1] { next }
    $1 == "now" && ($3 != server || $4 != reset) { why = "The server was started again, or its counters were set back." }
    $1 == "table" {
      here[$2] = 1
      i = $3 - ins[$2]; u = $4 - upd[$2]; d = $5 - del[$2]
      if (why == "" && (i < 0 || u < 0 || d < 0)) why = "The counters of " $6 " were set back."
      if (i + u + d > 0) {
        lines = lines sprintf("  %s: %d inserted, %d updated, %d deleted%s\n", $6, i, u, d, old[$2] ? "" : ", in a table that was made since")
        ti += i; tu += u; td += d; tables++
      }
    }
    END {
      if (!known) why = "Nobody wrote down where the counters stood."
      if (why != "") { print "unknown\t" why; exit }
      for (oid in old) if (!here[oid]) lines = lines "  " name[oid] ": is gone since, and comes back\n"
      if (ti + tu + td == 0) printf "counters\t0\tSince then no row was changed.\n"
      else printf "counters\t%d\tSince then %d rows were inserted, %d updated and %d deleted, in %d table%s, the changes of this release among them; %s loses them.\n", ti + tu + td, ti, tu, td, tables, tables == 1 ? "" : "s", live
      printf "%s", lines
    }' "$record" "$1"
}

# By the number of rows then and now, where the counters say nothing.
difference() {
  awk -F '\t' '
    FILENAME == ARGV[1] { if ($1 == "rows") { then[$3] = $2; old[$3] = 1 } next }
    $1 == "rows" {
      here[$3] = 1
      d = $2 - then[$3]
      if (d != 0) { lines = lines sprintf("  %s: %d rows now, %d in the backup%s\n", $3, $2, then[$3], old[$3] ? "" : ", a table that was made since"); all += d < 0 ? -d : d }
    }
    END {
      for (name in old) if (!here[name]) lines = lines "  " name ": is gone since, and comes back\n"
      printf "rows\t%d\tBy their number at least %d rows came or went since then; how many were changed cannot be known.\n", all, all
      printf "%s", lines
    }' "$record" "$1"
}
