# A backup is three files of one name: what pg_dump wrote, its SHA-256, and a record of when and of what.
quietly() { PGOPTIONS="${PGOPTIONS:-} -c client_min_messages=warning" "$@"; }
fields() { sql -F $'\t' "$@"; }

# Without a pager, and never asking: nobody sits there.
s3() { AWS_PAGER='' aws s3api "$@"; }
bucket=''
case $to in s3://*/*) bucket=${to#s3://} prefix=${bucket#*/}/ bucket=${bucket%%/*} ;; s3://*) bucket=${to#s3://} prefix='' ;; esac

# Age reads the key from a file of its own, so it is on no command line and on no disk.
locked() { age --encrypt --recipient "$(age-keygen -y <(printf '%s\n' "${!encrypt}"))" --output "$2" "$1"; }
unlocked() { age --decrypt --identity <(printf '%s\n' "${!encrypt}") "$1"; }
needs_tools() {
  if [ -n "$bucket" ] && ! command -v aws >/dev/null; then stop "$to needs the program aws, which is not installed here"; fi
  if [ -z "$encrypt" ]; then return 0; fi
  if ! command -v age >/dev/null || ! command -v age-keygen >/dev/null; then stop "the encryption needs age and age-keygen, which are not installed here" "most systems have a package age"; fi
  if ! age-keygen -y <(printf '%s\n' "${!encrypt}") >/dev/null 2>&1; then stop "the secret $encrypt is no key of age" "make one with age-keygen, and keep it where it survives this machine"; fi
}

# Where the server's counters stand: of the server, then of each table but our own ledger.
counters() {
  fields -c "select 'now', extract(epoch from clock_timestamp())::bigint, extract(epoch from pg_postmaster_start_time())::bigint, coalesce(extract(epoch from stats_reset)::bigint, 0) from pg_stat_bgwriter"
  fields -c "select 'table', relid, n_tup_ins, n_tup_upd, n_tup_del, regexp_replace(quote_ident(schemaname) || '.' || quote_ident(relname), '[[:cntrl:]]', '?', 'g') from pg_stat_user_tables where relid is distinct from to_regclass('public.tminus_migrations') order by 6"
}

# Counts every row of every table: exact, and as slow as that is.
rows() {
  fields --dbname="$1" -f - <<'SQL'
select format('select ''rows'', count(*), %L from %s', regexp_replace(quote_ident(n.nspname) || '.' || quote_ident(c.relname), '[[:cntrl:]]', '?', 'g'), c.oid::regclass)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and n.nspname <> 'information_schema' and n.nspname !~ '^pg_' and c.oid is distinct from to_regclass('public.tminus_migrations')
  order by 1 \gexec
SQL
}

# Restores what a backup holds into a new database, and counts the tables that came back.
restore_into() {
  local contents wanted came
  contents=$(pg_restore --list "$2")
  wanted=$(grep -c ' TABLE DATA ' <<<"$contents" || true)
  pg_restore --exit-on-error --single-transaction --dbname="$1" "${@:3}" "$2"
  came=$(sql --dbname="$1" -c "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'")
  if [ "$came" -lt "$wanted" ]; then
    stop "the backup names $wanted tables, and only $came came back from it: it is no backup to rely on"
  fi
}
