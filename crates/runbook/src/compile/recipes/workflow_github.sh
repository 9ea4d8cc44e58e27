# https://docs.github.com/en/rest/actions: workflows, workflow-runs, workflow-jobs
api=${GITHUB_API_URL:-https://api.github.com}
api=${api%/}
headers=('Accept: application/vnd.github+json' 'X-GitHub-Api-Version: 2022-11-28' 'Content-Type: application/json')
thing='run'
web="${GITHUB_SERVER_URL:-https://github.com}/$repo/actions/workflows/$workflow"
each_run='.workflow_runs[] | {id, name: (.display_title // "")}'
list_page() { api GET "/repos/$repo/actions/workflows/$workflow/runs?event=workflow_dispatch&per_page=100&page=$1&created=%3E%3D$since"; }
ask() {
  local details
  for details in '{return_run_details: true}' '{}'; do
    jq --null-input --arg ref "$ref" --arg key "$marker" --arg mark "$base/$number" '($ARGS.positional | map(index("=") as $i | {key: .[:$i], value: .[$i + 1:]}) | from_entries) as $inputs | {ref: $ref, inputs: ($inputs + {($key): $mark})} + '"$details" --args "${inputs[@]}" >"$body"
    api POST "/repos/$repo/actions/workflows/$workflow/dispatches" --data-binary "@$body"
    # A server of before 2026 does not know the wish for the run's id, and refuses it.
    if [ "$sent" != 0 ] || [[ $code != 4?? ]] || ! grep -q return_run_details "$answer"; then break; fi
  done
  if fine; then run=$(jq --raw-output '.workflow_run_id // ""' "$answer" 2>/dev/null) || run=''; fi
}
why_refused() {
  case $code in
    404) printf '%s' "no workflow $workflow in $repo that the token $token can see" ;;
    422) printf '%s' "does the workflow have \`workflow_dispatch\` with all of these inputs, $marker too, and is there $ref" ;;
    *) hint ;;
  esac
}
look() {
  api GET "/repos/$repo/actions/runs/$run"
  if ! fine; then return 1; fi
  { read -r state; read -r conclusion; read -r url; read -r turn; read -r title; } < <(jq --raw-output '.status, (.conclusion // "-"), .html_url, (.run_attempt // 1), (.display_title // "")' "$answer")
  if [ "$state" = completed ]; then over=yes; else over='' conclusion=-; fi
}
# A line for each job: id, state, conclusion, its name, and the step that failed.
jobs() {
  local page=1 count=100
  : >"$lines"
  while ((count == 100 && page <= 10)); do
    api GET "/repos/$repo/actions/runs/$run/jobs?filter=latest&per_page=100&page=$page"
    if ! fine; then return 1; fi
    jq --raw-output '.jobs[] | [.id, (if .status == "completed" then "over" else .status end), (.conclusion // "-"), .name, ([.steps[]? | select(.conclusion == "failure" or .conclusion == "cancelled" or .conclusion == "timed_out") | .name][0] // "-")] | @tsv' "$answer" >>"$lines"
    count=$(jq '.jobs | length' "$answer")
    page=$((page + 1))
  done
}
# The answer leads to another server, which curl does not give the token.
log() {
  api GET "/repos/$repo/actions/jobs/$1/logs" --location
  if ! fine; then return 1; fi
  tr -d '\r' <"$answer" | sed -E "s/^($(printf '\357\273\277'))?[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z ?//" >"$answer.log"
}
reason() { { grep '^##\[error\]' "$answer.log" || grep . "$answer.log" || true; } | tail -n 1 | sed 's/^##\[error\]//'; }
cancel() { api POST "/repos/$repo/actions/runs/$run/cancel"; }
