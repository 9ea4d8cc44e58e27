record=".tminus/$RELEASE_ID/$name"
say() { printf '%s\n' "$@"; }
stop() { printf 'error: %s\n' "$1" >&2; shift; if [ "$#" -gt 0 ]; then printf '  %s\n' "$@" >&2; fi; exit 1; }
if ! docker buildx version >/dev/null 2>&1; then stop "docker buildx is not here" "install Docker's plug-in buildx: https://docs.docker.com/build/"; fi
(umask 077 && mkdir -p -- "$record" && printf '*\n' >.tminus/.gitignore)
# The digest that the registry has for a name; `-` where it says that it has none.
digest_of() {
  if docker buildx imagetools inspect "$1" >"$record/found" 2>"$record/said"; then sed -n 's/^Digest: *//p' "$record/found"
  elif grep -qi ': not found$' "$record/said"; then printf -- '-\n'
  else stop "the registry cannot be asked for $1: $(grep . "$record/said" | tail -n 1)" "look at the way there, and at docker login; a repository that some registries want first is made by hand"
  fi
}
