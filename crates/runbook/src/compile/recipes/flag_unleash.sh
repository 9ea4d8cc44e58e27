# Unleash keeps a flag by environment: on or off, and strategies that say for whom. The value here is
# both in one line: `on 25%`; `none` without a strategy, `own` where several or another kind decide.
for program in curl jq; do
  if ! command -v "$program" >/dev/null; then stop "Unleash needs the program $program, which is not installed here"; fi
done
api="${url%/}/api/admin/projects/$project/features/$flag/environments/$environment"
# The token is read from a file of its own, so it is on no command line.
call() {
  local code='' body=()
  if [ "$#" -gt 2 ]; then body=(--data "$3"); fi
  (umask 077 && mkdir -p -- "$record" && printf '*\n' >.tminus/.gitignore)
  code=$(curl --disable --silent --show-error --max-time 60 --output "$record/answer" --write-out '%{http_code}' \
    --config <(printf 'header = "Authorization: %s"\n' "${!token}") --header 'Content-Type: application/json' \
    --request "$1" "${body[@]}" --url "$api$2" 2>"$record/said") || stop "Unleash at $url does not answer: $(tail -n 1 "$record/said")" "whether it changed anything is looked at when this step is run again"
  if [[ $code != 2* ]]; then
    stop "Unleash answers $code to $1 ${api#"${url%/}"}$2: $(jq -r '.message // "without a reason"' "$record/answer" 2>/dev/null || head -c 200 "$record/answer")" "are project, environment and flag there, and may the token of \$$token do this?"
  fi
}
look() {
  call GET ''
  jq -e 'has("enabled") and has("strategies")' "$record/answer" >/dev/null || stop "what Unleash says about the flag $flag is not understood" "its answer is in $record/answer"
  now=$(jq -r '(if .enabled then "on " else "off " end) + (.strategies | if length == 0 then "none" elif length == 1 and .[0].name == "flexibleRollout" and (.[0].disabled | not) and (.[0].constraints | length) == 0 then .[0].parameters.rollout + "%" else "own" end)' "$record/answer")
  strategy=$(jq -r '.strategies[0].id // empty' "$record/answer")
}
wanted() {
  local share=${now#* }
  case $to in
    # Without a strategy Unleash itself would add one for everybody.
    on) want="on ${share/#none/100%}" ;;
    off) want="off $share" ;;
    *%)
      if [ "$share" = own ]; then stop "the flag $flag has strategies of its own in $environment, and which of them is to give $to cannot be told" "change it there, or let this step say \`on\` and \`off\`"; fi
      want="on $to"
      ;;
    *) stop "a flag of Unleash is \`on\`, \`off\` or a share such as 25%, and not $to" ;;
  esac
}
# Nobody may see the flag on for more than is wanted: off comes first, and on comes last.
put() {
  local state=${1%% *} share=${1#* } was=${now#* }
  if [ "$state" = off ] && [ "${now%% *}" = on ]; then call POST /off; fi
  if [ "$share" != "$was" ]; then
    case $was,$share in
      *own*) stop "the strategies of the flag $flag were changed by somebody else meanwhile" "look at them in $environment" ;;
      none,*) call POST /strategies "$(jq -cn --arg group "$flag" --arg share "${share%\%}" '{name: "flexibleRollout", constraints: [], parameters: {groupId: $group, rollout: $share, stickiness: "default"}}')" ;;
      *,none) call DELETE "/strategies/$strategy" ;;
      *) call PATCH "/strategies/$strategy" "$(jq -cn --arg share "${share%\%}" '[{op: "replace", path: "/parameters/rollout", value: $share}]')" ;;
    esac
  fi
  if [ "$state" = on ] && [ "${now%% *}" = off ]; then call POST /on; fi
}
shown() {
  case ${1#* } in
    none) printf '%s, without a strategy' "${1%% *}" ;;
    own) printf '%s, by strategies of its own' "${1%% *}" ;;
    *) printf '%s, for %s' "${1%% *}" "${1#* }" ;;
  esac
}
targeting=
