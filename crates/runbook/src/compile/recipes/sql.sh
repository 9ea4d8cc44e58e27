# Without ~/.psqlrc, and ended by the first error: by itself psql goes on and reports success.
sql() { PGAPPNAME="tminus $RELEASE_ID" PGCONNECT_TIMEOUT="${PGCONNECT_TIMEOUT:-10}" psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
case ${DATABASE_URL:-} in
  postgres://* | postgresql://*) ;;
  *) printf 'error: the address of the database is not one of PostgreSQL: postgres://user@host/name\n' >&2; exit 1 ;;
esac
