record=".tminus/$RELEASE_ID/$name"
say() { printf '%s\n' "$@"; }
stop() { printf 'error: %s\n' "$1" >&2; shift; if [ "$#" -gt 0 ]; then printf '  %s\n' "$@" >&2; fi; exit 1; }
# Nobody is there to type a password.
git() { GIT_TERMINAL_PROMPT=0 command git "$@"; }
ref=refs/tags/$tag
keep() { printf '%s\n' "$2" >"$record/$1.part" && mv -- "$record/$1.part" "$record/$1"; }
kept() { if [ -f "$record/$1" ]; then cat -- "$record/$1"; fi; }
here() { git rev-parse --verify --quiet "$ref" || true; }
# What git says is wrong, and the other side's reason. Below that stands advice, and before it what
# programs on the way greet with.
answer() {
  local said reason
  said=$(grep -m 1 -E '^ ! |^(fatal|error|ssh): ' -- "$record/said" || { grep . -- "$record/said" || true; } | tail -n 1)
  reason=$(sed -n '/^remote: ./{ s/ *$//; p; q; }' -- "$record/said")
  printf '%s\n' "${said# ! }${reason:+, $reason}"
}
# What the other side has under this name: the object, and the commit that it leads to.
ask() {
  local lines object found
  there='' leads=''
  lines=$(git ls-remote "$remote" "$ref" "$ref^{}" 2>"$record/said") || stop "$remote cannot be asked for the tag $tag: $(answer)" "${1:-nothing was changed}"
  while read -r object found; do
    case $found in
      "$ref") there=$object; if [ -z "$leads" ]; then leads=$object; fi ;;
      "$ref^{}") leads=$object ;;
    esac
  done <<<"$lines"
}
# A commit as people know it, where it is here.
told() { git log -1 --format='%h %s' "$1" -- 2>/dev/null || printf '%s\n' "${1:0:12}"; }
