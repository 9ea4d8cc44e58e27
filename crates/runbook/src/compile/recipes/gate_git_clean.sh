# Looks without writing: git would otherwise refresh its index, and so be in the way of others.
export GIT_OPTIONAL_LOCKS=0
if ! command -v git >/dev/null; then wrong "git is not installed on $(hostname)"
elif ! top=$(git rev-parse --show-toplevel 2>&1); then wrong "git cannot tell about $PWD: ${top%%$'\n'*}"
else
  changed=$(git -c core.quotePath=false status --porcelain --untracked-files=all)
  if [ -z "$changed" ]; then say "git is clean: $top at $(git rev-parse --short --verify --quiet HEAD || printf 'no commit yet')"
  else
    mapfile -t lines <<<"$changed"
    wrong "git is not clean: ${#lines[@]} changed or new in $top" "${lines[@]:0:20}"
    if [ "${#lines[@]}" -gt 20 ]; then printf '  and %s more\n' "$((${#lines[@]} - 20))" >&2; fi
    printf '  commit them, or put them away: git stash --include-untracked\n' >&2
  fi
fi
