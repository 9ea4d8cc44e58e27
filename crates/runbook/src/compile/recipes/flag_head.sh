# What the flag was before is kept beside it, where it is needed.
record=".tminus/$RELEASE_ID/$name"
say() { printf '%s\n' "$@"; }
stop() { printf 'error: %s\n' "$1" >&2; shift; if [ "$#" -gt 0 ]; then printf '  %s\n' "$@" >&2; fi; exit 1; }
# Written whole or not at all: the value before is recorded once, and a repeated step keeps it.
remember() {
  if [ -f "$record/before" ]; then return 0; fi
  (umask 077 && mkdir -p -- "$record" && printf '*\n' >.tminus/.gitignore && printf '%s\n' "$1" >"$record/before.part")
  mv -- "$record/before.part" "$record/before"
}
