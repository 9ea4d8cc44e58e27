# Without ~/.psqlrc, and ended by the first error: by itself psql goes on and reports success.
sql() { PGAPPNAME="tminus $RELEASE_ID" PGCONNECT_TIMEOUT="${PGCONNECT_TIMEOUT:-10}" psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
stop() { printf 'error: %s\n' "$1" >&2; shift; if [ "$#" -gt 0 ]; then printf '  %s\n' "$@" >&2; fi; exit 1; }
checksum() { if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1; }
