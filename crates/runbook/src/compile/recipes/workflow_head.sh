say() { printf '%s\n' "$@"; }
stop() { printf 'error: %s\n' "$1" >&2; shift; if [ "$#" -gt 0 ]; then printf '  %s\n' "$@" >&2; fi; exit 1; }
for tool in curl jq; do
  if ! command -v "$tool" >/dev/null; then stop "$tool is not here, and nothing was dispatched" "install it on $(hostname), and retry"; fi
done
if [ -z "${!token:-}" ]; then stop "the secret $token is empty, and nothing was dispatched" "see [secrets] in tminus.toml"; fi
# What is asked for is written down here before it is asked; what becomes of it, the service knows.
folder=".tminus/$RELEASE_ID/$name"
(umask 077 && mkdir -p -- "$folder" && printf '*\n' >.tminus/.gitignore)
answer=$folder/answer body=$folder/body lines=$folder/lines
clock() { printf '%(%s)T' -1; }
# A day earlier than the release began: whose clock is wrong does not matter then.
since=$(jq --raw-output --null-input --arg stamp "$RUN_STAMP" '$stamp | strptime("%Y%m%d-%H%M%S") | mktime - 86400 | todate')

# One request. `sent` is curl's own word and `code` the status of the answer. The token comes by
# standard input, so that no list of processes shows it.
api() {
  local method=$1 path=$2
  sent=0
  code=$(printf '%s\n' "Authorization: Bearer ${!token}" "${headers[@]}" |
    curl --silent --show-error --request "$method" --header @- --connect-timeout 10 --max-time "$patience" \
      --output "$answer" --write-out '%{http_code}' "${@:3}" "$api$path" 2>"$answer.said") || sent=$?
}
patience=30
fine() { [ "$sent" = 0 ] && [[ $code == 2?? ]]; }
# curl never had a connection, so nobody was asked anything.
unheard() { case $sent in 3 | 5 | 6 | 7 | 35 | 60 | 77) return 0 ;; *) return 1 ;; esac; }
said() {
  local words
  if [ "$sent" != 0 ]; then tail -n 1 -- "$answer.said" | sed 's/^curl: ([0-9]*) //'; return 0; fi
  words=$(jq --raw-output '[.message?, .error?] | map(select(. != null) | if type == "string" then . else tojson end) | join(", ")' "$answer" 2>/dev/null) || words=''
  printf '%s\n' "$code${words:+: ${words:0:200}}"
}
hint() {
  case $sent$code in
    0401) printf '%s' "the token $token is not taken: it may have expired" ;;
    0403 | 0429) printf '%s' "the token $token may not do that, or has asked too often" ;;
    *) printf '%s' "look at $api and the way there" ;;
  esac
}
# The runs of this step of this release: a number and an id each, in `runs`.
declare -A runs=()
list() {
  local number id page=1 count=100
  runs=()
  while ((count == 100 && page <= 10)); do
    list_page "$page"
    if ! fine; then return 1; fi
    # What is no list, from a proxy on the way, must not be taken for an empty one.
    count=$(jq "[$each_run] | length" "$answer" 2>/dev/null) || return 1
    while IFS=$'\t' read -r number id; do
      # Two of one marker would be two runs for one intent: the first one is that of this step.
      if [ -z "${runs[$number]:-}" ] || ((id < runs[$number])); then runs[$number]=$id; fi
    done < <(jq --raw-output --arg base "$base" "$each_run"' | (.name | capture("(^|[^A-Za-z0-9/_@-])" + $base + "/(?<n>[0-9]{1,6})($|[^A-Za-z0-9/_@-])")) as $m | "\($m.n)\t\(.id)"' "$answer")
    page=$((page + 1))
  done
}
# Marks of this kind are `tminus/RELEASE/STEP/NUMBER`, and a record of each is in `record`.
about() {
  record=$1 base=$2 number=0 run='' asked=''
  local file
  (umask 077 && mkdir -p -- "$record")
  for file in "$record"/asked-*; do
    if [ -f "$file" ] && ((${file##*-} > number)); then number=${file##*-}; fi
  done
}
# The last run that was asked for, by the record here and by what the service has.
latest() {
  local known
  about "$1" "$2"
  for known in "${!runs[@]}"; do if ((known > number)); then number=$known; fi; done
  if ((number == 0)); then return 0; fi
  run=${runs[$number]:-}
  if [ -f "$record/asked-$number" ]; then asked=$(cat -- "$record/asked-$number"); else asked=$(clock); fi
  if [ -z "$run" ] && [ -f "$record/run-$number" ]; then run=$(cat -- "$record/run-$number"); fi
}
# Asked for, and the answer is lost: it shows up late, or never.
search() {
  local end=$((SECONDS + (within < 120 ? within : 120)))
  say "looking for a $thing that shows $base/$number"
  while true; do
    if list && [ -n "${runs[$number]:-}" ]; then run=${runs[$number]}; break; fi
    if ((SECONDS >= end)); then
      stop "nobody can say whether the $thing $base/$number began: no $thing shows that marker${1:+, and the answer was: $1}" \
        "look at $web, and at whether it shows the marker (docs: the workflow's run-name)" \
        "when it did not begin:  rm $record/asked-$number" "and retry; it is not dispatched again before"
    fi
    sleep 2
  done
  keep_run
}
keep_run() { printf '%s\n' "$run" >"$record/run-$number.part" && mv -- "$record/run-$number.part" "$record/run-$number"; }
