# Everything is looked at before the verdict, so that one look shows all that is missing.
failed=0
say() { printf '%s\n' "$@"; }
wrong() { printf 'error: %s\n' "$1" >&2; shift; if [ "$#" -gt 0 ]; then printf '  %s\n' "$@" >&2; fi; failed=1; }
