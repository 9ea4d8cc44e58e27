# The hosts are spoken with by the user's own ssh, this machine without it. Files go by standard input and
# output.
record=".tminus/$RELEASE_ID/$name"
say() { printf '%s\n' "$@"; }
stop() { printf 'error: %s\n' "$1" >&2; shift; if [ "$#" -gt 0 ]; then printf '  %s\n' "$@" >&2; fi; exit 1; }
connect=(-o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=5 -o ServerAliveCountMax=3 -T)
ask() {
  local host=$1 word line='bash --noprofile --norc -eEuo pipefail -c'
  shift
  if [ -n "$here" ]; then
    bash --noprofile --norc -eEuo pipefail -c "$there" tminus "$@"
    return
  fi
  # In a way that any shell reads: bash is not everybody's shell there.
  for word in "$there" tminus "$@"; do line+=" '${word//\'/\'\\\'\'}'"; done
  ssh "${connect[@]}" -- "$host" "$line"
}
(umask 077 && mkdir -p -- "$record" && printf '*\n' >.tminus/.gitignore)

# Does something with every host, some at once; no more are begun when too many have failed.
each() {
  local todo=$1 at first last bad=() work
  work=$(mktemp -d)
  for ((first = 0; first < ${#hosts[@]}; first = last)); do
    last=$((first + batch < ${#hosts[@]} ? first + batch : ${#hosts[@]}))
    for ((at = first; at < last; at++)); do
      (
        trap - EXIT ERR
        "$todo" "${hosts[at]}"
        : >"$work/$at.good"
      ) >"$work/$at" 2>&1 &
    done
    wait
    for ((at = first; at < last; at++)); do
      sed "s|^|${hosts[at]}: |" "$work/$at"
      if [ ! -e "$work/$at.good" ]; then bad+=("${hosts[at]}"); fi
    done
    if ((${#bad[@]} > allowed)); then break; fi
  done
  rm -rf -- "$work"
  if ((${#bad[@]} == 0)); then return 0; fi
  if ((${#bad[@]} <= allowed)); then say "failed on ${bad[*]}"; return 0; fi
  if ((last < ${#hosts[@]})); then stop "failed on ${bad[*]}, and was not begun on ${hosts[*]:last}"; fi
  stop "failed on ${bad[*]}"
}
