enter forward
checksum() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c 1-10; }

# One Job for this step of this release: its name is taken from them, so the API server itself
# refuses a second one, whatever became of us in between.
names=$(kube create --dry-run=client --validate=false --filename="$file" --output='jsonpath={.kind} {.metadata.name}{.metadata.generateName} {.spec.activeDeadlineSeconds}{"\n"}')
if [ "$(grep -c . <<<"$names")" -ne 1 ] || [[ $names != "Job "* ]]; then stop "$file is to hold one Job and nothing else; it holds: $(cut -d ' ' -f 1,2 <<<"$names" | tr '\n' ' ')"; fi
read -r _ base limit <<<"$names"
base=${base%-}
own=${base:0:50}-$(printf '%s' "$RELEASE_ID/$name" | checksum)
if [ -z "$limit" ]; then limit=$patience; fi

found=$(kube get job "$own" --ignore-not-found --output=name)
if [ -n "$found" ]; then
  say "job/$own is there already: this release made it before, so it is not made again"
else
  kube create --dry-run=client --validate=false --filename="$file" --output='jsonpath={@}' >"$record/job.json"
  if [ "${#images[@]}" -gt 0 ]; then
    kube set image --local --filename="$record/job.json" "${images[@]}" --output='jsonpath={@}' >"$record/job.part"
    mv -- "$record/job.part" "$record/job.json"
  fi
  printf '[{"op":"add","path":"/metadata/name","value":"%s"},{"op":"add","path":"/spec/activeDeadlineSeconds","value":%s}]' "$own" "$limit" >"$record/patch"
  kube patch --local --filename="$record/job.json" --type=json --patch-file="$record/patch" --output='jsonpath={@}' |
    kube annotate --local --filename=- "tminus/release=$RELEASE_ID" "tminus/step=$name" --output='jsonpath={@}' >"$record/job.part"
  mv -- "$record/job.part" "$record/job.json"
  kube create --filename="$record/job.json" --dry-run=server --output=name >/dev/null
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

# The ends of a Job, by its own word.
end=$((SECONDS + limit + 60)) since=$SECONDS before=''
while true; do
  if ! state=$(kube get job "$own" --output='jsonpath={range .status.conditions[?(@.status=="True")]}{.type} {.reason}: {.message}{end}' 2>&1); then
    if ((SECONDS >= end)); then stop "nobody can say what became of job/$own: $(last_line "$state")" "it goes on without us; when the cluster answers again, retry: it is looked at, and not made again"; fi
    sleep 1
    continue
  fi
  follow
  case $state in *Complete* | *Failed*) break ;; esac
  look "job-name=$own"
  if [ "$culprit" != "$before" ]; then before=$culprit since=$SECONDS; fi
  if [ -n "$culprit" ] && [[ $trouble != *"again and again"* ]] && ((SECONDS - since >= grace)); then
    # Ended by the cluster and kept to be looked at: it must not begin when nobody expects it any more.
    rewrite "job/$own" /spec/activeDeadlineSeconds 1
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
    pod=$(kube get pods --selector="job-name=$own" --sort-by=.metadata.creationTimestamp --output='jsonpath={.items[-1:].metadata.name}' 2>/dev/null || true)
    if [ -n "$pod" ]; then lines=$(kube logs "$pod" --all-containers --tail=1 2>/dev/null || true); fi
    stop "job/$own failed: ${state#Failed }${lines:+, the last line of $pod: $(last_line "$lines")}" \
      "what it did stays done. When it may run once more:" \
      "  kubectl --context=$context --namespace=$namespace delete job $own" "and retry this step; without that, a retry only looks at it" ;;
esac
