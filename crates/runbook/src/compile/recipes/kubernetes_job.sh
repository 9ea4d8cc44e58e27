# What was never begun needs no taking back; and its image, which this may need, may not even exist.
if [ -n "$takes_back" ]; then
  if [ ! -f ".tminus/$RELEASE_ID/$takes_back/job.json" ]; then say "nothing to take back: the Job of $takes_back was never made"; exit 0; fi
  if [ -f ".tminus/$RELEASE_ID/$takes_back/never-ran" ]; then say "nothing to take back: no container of the Job of $takes_back ever started"; exit 0; fi
fi
if [ -n "$takes_back" ]; then enter back; else enter forward; fi
checksum() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c 1-10; }

# One Job for this step of this release: its name is taken from them, so the API server itself
# refuses a second one, whatever became of us in between.
names=$(kube create --dry-run=client --validate=false --filename="$file" --output='jsonpath={.kind} {.metadata.name}{.metadata.generateName} {.spec.activeDeadlineSeconds}{"\n"}')
if [ "$(grep -c . <<<"$names")" -ne 1 ] || [[ $names != "Job "* ]]; then stop "$file is to hold one Job and nothing else; it holds: $(cut -d ' ' -f 1,2 <<<"$names" | tr '\n' ' ')"; fi
read -r _ base limit <<<"$names"
base=${base%-}
own=${base:0:50}-$(printf '%s' "$RELEASE_ID/$name" | checksum)
if [ -z "$limit" ]; then limit=$patience; fi

if [ -f "$record/cut-off" ]; then
  stop "job/$own was removed because it could not start, and began at that very moment: nobody knows what it did" \
    "look at what it changes. When it may run once more:  rm $record/cut-off" "and retry this step"
fi
found=$(kube get job "$own" --ignore-not-found --output=name)
if [ -n "$found" ]; then
  rm -f -- "$record/never-ran"
  say "job/$own is there already: this release made it before, so it is not made again"
else
  kube create --dry-run=client --validate=false --filename="$file" --output='jsonpath={@}' >"$record/job.part"
  if [ "${#images[@]}" -gt 0 ]; then
    kube set image --local --filename="$record/job.part" "${images[@]}" --output='jsonpath={@}' >"$record/job.next"
    mv -- "$record/job.next" "$record/job.part"
  fi
  printf '[{"op":"add","path":"/metadata/name","value":"%s"},{"op":"add","path":"/spec/activeDeadlineSeconds","value":%s}]' "$own" "$limit" >"$record/patch"
  kube patch --local --filename="$record/job.part" --type=json --patch-file="$record/patch" --output='jsonpath={@}' |
    kube annotate --local --filename=- "tminus/release=$RELEASE_ID" "tminus/step=$name" --output='jsonpath={@}' >"$record/job.next"
  kube create --filename="$record/job.next" --dry-run=server --output=name >/dev/null
  # From here on it may be there.
  mv -- "$record/job.next" "$record/job.json"
  rm -f -- "$record/never-ran" "$record/away"
  if ! said=$(kube create --filename="$record/job.json" --field-manager=tminus 2>&1); then
    case $said in *AlreadyExists*) ;; *) stop "the Job could not be made: $(last_line "$said")" ;; esac
  fi
  say "made job/$own in the namespace $namespace of $context, for at most $limit s"
fi

# Lines appear as they are written; each pod is followed once.
followed=' ' followers=()
follow() {
  local pod phase
  while read -r pod phase; do
    if [ -z "$pod" ] || [ "$phase" = Pending ] || [[ $followed == *" $pod "* ]]; then continue; fi
    followed+="$pod "
    say "--- $pod"
    kube logs "$pod" --all-containers --follow 2>/dev/null &
    followers+=("$!")
  done < <(kube get pods --selector="job-name=$own" --output='jsonpath={range .items[*]}{.metadata.name} {.status.phase}{"\n"}{end}' 2>/dev/null || true)
}

# Whether a container of it ever started: by its pods, and by the events of those that are gone.
begun() {
  local started
  if [ "$followed" != ' ' ]; then return 0; fi
  started=$(kube get events --field-selector=reason=Started --output='jsonpath={range .items[*]}{.involvedObject.name}{"\n"}{end}' 2>&1) ||
    stop "job/$own cannot start, and nobody can say whether it ever did: $(last_line "$started")" "when that can be asked again, retry: it is looked at, and not made again"
  grep -q "^$own-" <<<"$started"
}

# For how long nobody could ask, over all attempts: the controller could not either, and counts that
# time as the Job's.
away=$(cat -- "$record/away" 2>/dev/null || printf 0) lost=''
heard() {
  if [ -z "$lost" ]; then return 0; fi
  away=$((away + SECONDS - lost)) lost=''
  printf '%s\n' "$away" >"$record/away"
}

# The ends of a Job, by its own word.
end=$((SECONDS + limit + 60)) since=$SECONDS before='' waiting=''
while true; do
  asked=$SECONDS
  if ! state=$(kube get job "$own" --output='jsonpath={range .status.conditions[?(@.status=="True")]}{.type} {.reason}: {.message}{end}' 2>&1); then
    lost=${lost:-$asked}
    if ((SECONDS >= end)); then heard; stop "nobody can say what became of job/$own: $(last_line "$state")" "it goes on without us; when the cluster answers again, retry: it is looked at, and not made again"; fi
    sleep 1
    continue
  fi
  heard
  follow
  case $state in *Complete* | *Failed*) break ;; esac
  look "job-name=$own"
  if [ -z "$culprit$waiting" ] && [ "$followed" = ' ' ]; then
    refused=$(kube get events --field-selector="involvedObject.name=$own,reason=FailedCreate" --output='jsonpath={.items[-1:].message}' 2>/dev/null || true)
    if [ -n "$refused" ]; then culprit=$own trouble="no pod of it can be made: $refused"; fi
  fi
  if [ "$culprit" != "$before" ]; then before=$culprit since=$SECONDS; fi
  if [ -n "$culprit" ] && [[ $trouble != *"again and again"* ]] && ((SECONDS - since >= grace)); then
    if begun; then
      # Ended by the cluster and kept to be looked at.
      rewrite "job/$own" /spec/activeDeadlineSeconds 1
    else
      # It must not begin later, when nobody expects it any more.
      touch -- "$record/never-ran"
      kube delete job "$own" --cascade=foreground --timeout=60s
      if begun; then mv -- "$record/never-ran" "$record/cut-off"; fi
    fi
    if [ "$culprit" = "$own" ]; then culprit=''; fi
    give_up "job/$own" "cannot start: $trouble"
  fi
  if ((SECONDS >= end)); then give_up "job/$own" "says nothing of its end after $((limit + 60)) s: ${trouble:-$waiting}"; fi
  sleep 0.5
done
# The last lines arrive with the end of the container; where its node is lost, they never do.
for follower in "${followers[@]}"; do
  for ((tries = 0; tries < 20; tries++)); do
    if ! kill -0 "$follower" 2>/dev/null; then break; fi
    sleep 0.25
  done
  kill "$follower" 2>/dev/null || true
done
case $state in
  *Complete*) say "job/$own has done its work" ;;
  *)
    culprit=''
    lines=''
    meanwhile=''
    hint=()
    if [[ $state == *DeadlineExceeded* ]] && ((away > 0)); then
      # A pod whose end could not be told in time counts for nothing, whatever it did.
      ended=$(kube get pods --selector="job-name=$own" --field-selector=status.phase=Succeeded --output='jsonpath={.items[*].metadata.name}' 2>/dev/null || true)
      meanwhile=", but the API server of $context did not answer for $away s meanwhile, so its work may have been done${ended:+: pod $ended ended well}"
      hint=("look at what it changes before it runs again")
    fi
    pod=$(kube get pods --selector="job-name=$own" --sort-by=.metadata.creationTimestamp --output='jsonpath={.items[-1:].metadata.name}' 2>/dev/null || true)
    if [ -n "$pod" ]; then lines=$(kube logs "$pod" --all-containers --tail=1 2>/dev/null || true); fi
    stop "job/$own failed: ${state#Failed }$meanwhile${waiting:+, $waiting}${lines:+, the last line of $pod: $(last_line "$lines")}" \
      "${hint[@]}" "what it did stays done. When it may run once more:" \
      "  kubectl --context=$context --namespace=$namespace delete job $own" "and retry this step; without that, a retry only looks at it" ;;
esac
