# Without ~/.psqlrc, and ended by the first error: by itself psql goes on and reports success.
sql() { PGAPPNAME="tminus $RELEASE_ID" PGCONNECT_TIMEOUT="${PGCONNECT_TIMEOUT:-10}" psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
