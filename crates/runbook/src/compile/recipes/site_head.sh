# What was served before is kept in the folder of the step, and the releases are kept below `to`.
record=".tminus/$RELEASE_ID/$name"
release=${as:-$RELEASE_ID}
say() { printf '%s\n' "$@"; }
stop() { printf 'error: %s\n' "$1" >&2; shift; if [ "$#" -gt 0 ]; then printf '  %s\n' "$@" >&2; fi; exit 1; }
# Where the link leads, as it is written; `-` where there is none.
current() { if [ -L "$to/current" ]; then readlink -- "$to/current"; else printf -- '-\n'; fi; }
told() { if [ "$1" = - ]; then printf '%s/current is not there' "$to"; else printf '%s/current leads to %s' "$to" "$1"; fi; }
# A link cannot be rewritten; another one takes its name, in one moment.
lead() {
  ln -sfn -- "$1" "$to/.current.tminus"
  mv -T -- "$to/.current.tminus" "$to/current"
}
# Every folder, link and file with its checksum: two trees are the same when their lists are.
list() (
  cd -- "$1" || exit
  find . -type d -print | sed 's/^/folder /'
  find . -type l -exec sh -c 'for link; do printf "link %s -> %s\n" "$link" "$(readlink -- "$link")"; done' sh {} +
  find . -type f -exec sha256sum -- {} +
)
files() { grep -c '^\\\{0,1\}[0-9a-f]\{64\} ' "$1" || true; }
