case $api in
  https://* | http://127.* | http://localhost:* | 'http://[::1]'*) ;;
  *) stop "$api is not https: the token $token does not go there" "see GITHUB_API_URL or CI_API_V4_URL in this environment" ;;
esac
# The step is cancelled, or its time is up: the run must not go on when nobody looks any more. A few
# seconds are left until everything here is killed.
interrupted() {
  trap - TERM INT HUP
  if [ -n "$run" ]; then
    patience=3
    cancel
    if fine; then say "the $thing $run was asked to cancel: $url"
    elif [ "$code" = 409 ]; then say "the $thing $run was over already: $url"
    else say "the $thing $run could not be cancelled ($(said)) and goes on: $url"
    fi
  elif [ -n "$asked" ]; then say "a $thing $base/$number may begin all the same: look at $web"
  fi
  exit 143
}
url=$web title='' failed=''
trap interrupted TERM INT HUP

dispatch() {
  asked=$(clock) run=''
  # From here on it may begin.
  printf '%s\n' "$asked" >"$record/asked-$number.part"
  mv -- "$record/asked-$number.part" "$record/asked-$number"
  ask
  if unheard || { [ "$sent" = 0 ] && [[ $code == [34]?? && $code != 408 ]]; }; then
    rm -f -- "$record/asked-$number"
    stop "nothing was dispatched: $(said)" "$(why_refused)"
  fi
  say "dispatched $base/$number on $ref"
  if [ -n "$run" ]; then keep_run; elif fine; then search; else search "$(said)"; fi
}

# Each job when it changes, and its lines when it is over: earlier, the service does not give them all.
declare -A shown=() reasons=()
show() {
  local id now end job at
  if ! jobs; then return 1; fi
  failed='' trouble=''
  cp -- "$lines" "$lines.now"
  while IFS=$'\t' read -r id now end job at; do
    if [ "${shown[$id]:-}" != "$now" ]; then
      shown[$id]=$now
      if [ "$now" = over ]; then job_lines "$id" "$job" "$end"; else say "--- $job: $now"; fi
    fi
    case $end in
      - | success | skipped | neutral | 'allowed to fail') continue ;;
      # The others are cancelled because one has failed.
      cancel*) if [ -n "$failed" ]; then continue; fi ;;
      *) if [[ $failed == *'(fail'* ]]; then continue; fi ;;
    esac
    if [ "$at" = - ]; then failed="job $job ($end)"; else failed="job $job, $at ($end)"; fi
    trouble=${reasons[$id]:-}
  done <"$lines.now"
}
job_lines() {
  say "--- $2: $3"
  if [ "$3" = skipped ]; then return 0; fi
  if log "$1" || { sleep 2 && log "$1"; }; then
    awk '{ print "  " $0 }' "$answer.log"
    reasons[$1]=$(reason)
  else say "  its lines cannot be read: $(said)"
  fi
}

# Asks until it is over: more seldom with time, because a token may ask only so often an hour. Told
# why, it cancels the run first. In `ended`: why it was cancelled here, if it was.
grace=120
follow() {
  local because=${1:-} end=$((asked + within)) pause=1 before='' lost='' late=0 start=$SECONDS
  failed='' trouble='' ended=''
  while true; do
    if look; then
      if [ -n "$lost" ]; then say "$api answers again"; lost=''; fi
      if [ "$state" != "$before" ]; then
        if [ -z "$before" ]; then say "$thing $run${title:+, $title}: $url"; fi
        case $state in
          waiting | manual | action_required) say "$thing $run: $state: somebody there has to let it go on" ;;
          *) say "$thing $run: $state" ;;
        esac
        before=$state
      fi
      if [ -n "$over" ]; then
        show || { sleep 2 && show; } || say "its jobs cannot be read: $(said)"
        return 0
      fi
      # What is missed now is there at the next look.
      show || lost=$(said)
    elif [ "$sent" = 0 ] && { [ "$code" = 401 ] || { [ "$code" = 404 ] && ((SECONDS - start > 30)); }; }; then
      stop "nobody can say what became of the $thing $run: $(said)" "it goes on without us: $url" "$(hint); then retry: it is looked at, and not dispatched again"
    elif [ -z "$lost" ]; then
      lost=$(said)
      say "$api does not answer ($lost): the $thing goes on, and is asked for until it does"
    fi
    if [ -z "$ended" ] && { [ -n "$because" ] || (($(clock) >= end)); }; then
      because=${because:-took longer than $within s}
      ended="$because and was cancelled" pause=1 late=$((SECONDS + grace))
      cancel
      if fine || [ "$code" = 409 ]; then say "$thing $run $because: it was asked to cancel"; else say "$thing $run $because, and cannot be cancelled: $(said)"; fi
    elif [ -n "$ended" ] && ((SECONDS >= late)); then
      stop "the $thing $run $ended, and is not over after $grace s more${lost:+; $api does not answer: $lost}" "it may go on without us: $url" "when it is over, retry: it is looked at, and not dispatched again"
    fi
    sleep "$pause"
    if ((pause < 10)); then pause=$((pause + 1)); fi
  done
}

# Follows the run to its end, and says what came of it.
outcome() {
  follow ''
  if [ "$conclusion" = success ]; then
    say "$thing $run: success"
    return 0
  fi
  # A retry dispatches anew only after somebody was told of this end.
  printf '%s\n' "$turn $conclusion" >"$record/told-$number.part"
  mv -- "$record/told-$number.part" "$record/told-$number"
  case $conclusion in canceled | cancelled) if [ -z "$ended" ]; then ended='was cancelled by somebody there'; fi ;; esac
  stop "the $thing $run ${ended:-ended with $conclusion}${failed:+: $failed}${trouble:+: $trouble}" "$url"
}

# One intent, one run: the one that is there is followed, and another one is only dispatched after a
# failed one of which somebody was told.
whole() {
  about "$1" "$2"
  if ! list; then
    if ((number > 0)); then stop "what became of $base/$number cannot be asked: $(said)" "$(hint); then retry: it is looked at, and not dispatched again"; fi
    stop "nothing was dispatched: the ${thing}s that are there cannot be listed: $(said)" "$(why_refused)"
  fi
  latest "$1" "$2"
  if ((number > 0)) && [ -f "$record/told-$number" ]; then
    if ! look; then stop "nothing was dispatched: what became of the $thing $run cannot be read: $(said)" "$(hint)"; fi
    if [ "$turn $conclusion" = "$(cat -- "$record/told-$number")" ]; then
      say "the $thing $run ended with $conclusion: another one is dispatched"
      number=$((number + 1)) run='' asked=''
      dispatch
    else
      say "the $thing $run was begun again there"
      asked=$(clock)
    fi
  elif ((number > 0)); then
    say "$base/$number was asked for before: it is looked at, and not dispatched again"
    if [ -z "$run" ]; then search; fi
  else
    number=1
    dispatch
  fi
  outcome
  case $title in *"$base/$number"*) ;; *) say "note: this $thing does not show its marker, so that one whose answer is lost could not be found: put the input $marker into its name" ;; esac
}
