# https://docs.gitlab.com/api/pipelines/ and https://docs.gitlab.com/api/jobs/
api=${CI_API_V4_URL:-https://gitlab.com/api/v4}
api=${api%/}
headers=('Content-Type: application/json')
thing='pipeline'
project=${repo//\//%2F}
web="${api%/api/v4}/$repo/-/pipelines"
each_run='.[] | {id, name: (.name // "")}'
list_page() { api GET "/projects/$project/pipelines?per_page=100&page=$1&updated_after=$since"; }
ask() {
  jq --null-input --arg ref "$ref" --arg key "$marker" --arg mark "$base/$number" '{ref: $ref, variables: (($ARGS.positional | map(index("=") as $i | {key: .[:$i], value: .[$i + 1:]})) + [{key: $key, value: $mark}])}' --args "${inputs[@]}" >"$body"
  api POST "/projects/$project/pipeline" --data-binary "@$body"
  if fine; then run=$(jq --raw-output '.id // ""' "$answer" 2>/dev/null) || run=''; fi
}
why_refused() {
  case $code in
    404) printf '%s' "no project $repo that the token $token can see" ;;
    400) printf '%s' "is there $ref with a pipeline for it, and may the token $token set variables of pipelines" ;;
    *) hint ;;
  esac
}
look() {
  api GET "/projects/$project/pipelines/$run"
  if ! fine; then return 1; fi
  { read -r state; read -r url; read -r title; } < <(jq --raw-output '.status, .web_url, (.name // "")' "$answer")
  turn=1 over='' conclusion=-
  case $state in success | failed | canceled | skipped) over=yes conclusion=$state ;; esac
}
jobs() {
  local page=1 count=100
  : >"$lines"
  while ((count == 100 && page <= 10)); do
    api GET "/projects/$project/pipelines/$run/jobs?per_page=100&page=$page"
    if ! fine; then return 1; fi
    jq --raw-output '.[] | (.status | IN("success", "failed", "canceled", "skipped")) as $over | [.id, (if $over then "over" else .status end), (if $over | not then "-" elif .status == "failed" and .allow_failure == true then "allowed to fail" else .status end), .name, (.failure_reason // "-")] | @tsv' "$answer" >>"$lines"
    count=$(jq length "$answer")
    page=$((page + 1))
  done
}
log() {
  api GET "/projects/$project/jobs/$1/trace"
  if ! fine; then return 1; fi
  sed -E "s/section_(start|end):[0-9]+:[^$(printf '\r')]*$(printf '\r')//g; s/$(printf '\033')\[[0-9;]*[A-Za-z]//g" "$answer" | tr -d '\r' >"$answer.log"
}
reason() { { grep '^ERROR: ' "$answer.log" || grep . "$answer.log" || true; } | tail -n 1 | sed 's/^ERROR: //'; }
cancel() { api POST "/projects/$project/pipelines/$run/cancel"; }
