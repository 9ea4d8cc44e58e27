# Of each container that is not ready, and each pod that has no place: uid, pod, container, restarts,
# reason, and what is said of it.
pods_template='{{range .items}}{{$pod := .metadata}}{{range .status.conditions}}{{if and (eq .type "PodScheduled") (eq .status "False")}}{{$pod.uid}} {{$pod.name}} - 0 {{.reason}} {{with .message}}{{printf "%q" .}}{{end}}{{"\n"}}{{end}}{{end}}{{range .status.initContainerStatuses}}{{if not .ready}}{{$pod.uid}} {{$pod.name}} {{.name}} {{.restartCount}} {{with .state.waiting}}{{.reason}} {{with .message}}{{printf "%q" .}}{{end}}{{else}}{{with .state.terminated}}{{.reason}} exit code {{.exitCode}}{{else}}- not finished{{end}}{{end}}{{"\n"}}{{end}}{{end}}{{range .status.containerStatuses}}{{if not .ready}}{{$pod.uid}} {{$pod.name}} {{.name}} {{.restartCount}} {{with .state.waiting}}{{.reason}} {{with .message}}{{printf "%q" .}}{{end}}{{else}}{{with .state.terminated}}{{.reason}} exit code {{.exitCode}}{{else}}- runs, and is not ready{{end}}{{end}}{{"\n"}}{{end}}{{end}}{{end}}'
events_template='{{range .items}}{{.reason}}: {{.message}}{{"\n"}}{{end}}'
# A hopeless state has to hold for so long: a registry may stumble, and a program may wait for another.
grace=$((patience / 4 > 30 ? 30 : patience / 4))
old=' '

# The pods of a workload by its selector. Without one nothing is said, rather than of every pod there.
selector_of() {
  local selector
  selector=$(kube get "$1" --output=go-template='{{range $key, $value := .spec.selector.matchLabels}}{{$key}}={{$value}},{{end}}')
  printf '%s' "${selector%,}"
}

# Pods that were there before are not judged: those of a version that is broken and about to be
# replaced must not fail the one that repairs it.
remember_pods() {
  local workload=$1 selector
  selector=$(selector_of "$workload")
  old=" $(kube get pods --selector="$selector" --output='jsonpath={.items[*].metadata.uid}') "
}

# Sets `culprit`, the pod and container that will not become ready by themselves, and `trouble`, why;
# and `waiting`, what is not ready for another reason, with the pod that it says it of.
look() {
  local selector=$1 uid pod container restarts reason message
  culprit='' trouble='' waiting='' waiting_pod=''
  while read -r uid pod container restarts reason message; do
    if [ -z "$reason" ] || [[ $old == *" $uid "* ]]; then continue; fi
    message=${message:-$reason}
    case $reason:$restarts in
      # Once or twice a program may end before what it needs is there.
      -:[0-2] | ContainerCreating:* | PodInitializing:* | Completed:*) waiting_pod=$pod waiting="pod $pod: $container $message" ;;
      Unschedulable:*) waiting_pod=$pod waiting="pod $pod has no node: $message" ;;
      -:* | CrashLoopBackOff:* | Error:* | OOMKilled:*)
        if [ -z "$culprit" ]; then culprit="$pod $container" trouble="$container of pod $pod ends again and again ($restarts restarts, $reason)"; fi ;;
      *) if [ -z "$culprit" ]; then culprit="$pod $container" trouble="$container of pod $pod: $reason: $message"; fi ;;
    esac
  done < <(kube get pods --selector="$selector" --sort-by=.metadata.name --output=go-template="$pods_template" 2>/dev/null || true)
}

# Shows what the cluster knows, and stops with the reason in the first line.
give_up() {
  local workload=$1 reason=$2 pod container code lines events object
  read -r pod container <<<"${culprit:-$waiting_pod}"
  for object in "${workload#*/}" $pod; do
    events=$(kube get events --field-selector="type=Warning,involvedObject.name=$object" --sort-by=.lastTimestamp --output=go-template="$events_template" 2>/dev/null | awk '!seen[$0]++' | tail -n 5 || true)
    if [ -n "$events" ]; then
      say "--- events of $object" "$events"
      if [ "$object" = "${pod:-$object}" ] && [[ $reason != *"again and again"* ]] && [[ $reason != *"${events##*: }"* ]]; then reason+="; $(last_line "$events")"; fi
    fi
  done
  if [[ $reason == *"again and again"* ]]; then
    lines=$(kube logs "$pod" --container="$container" --previous --tail=20 2>/dev/null || kube logs "$pod" --container="$container" --tail=20 2>/dev/null || true)
    code=$(kube get pod "$pod" --output="jsonpath={.status.containerStatuses[?(@.name==\"$container\")].lastState.terminated.exitCode}" 2>/dev/null || true)
    if [ -n "$code" ]; then reason+=", exit code $code"; fi
    if [ -n "$lines" ]; then
      say "--- the last lines of $container in $pod" "$lines"
      reason+=", its last line: $(last_line "$lines")"
    fi
  fi
  say "---"
  stop "$workload $reason" "look:  kubectl --context=$context --namespace=$namespace describe ${pod:+pod/}${pod:-$workload}"
}

# Waits until a workload is rolled out; what is hopeless is not waited for to the end.
await() {
  local workload=$1 end=$((SECONDS + patience)) since=$SECONDS before='' said selector refused now
  selector=$(selector_of "$workload")
  while true; do
    if said=$(kube rollout status "$workload" --timeout=2s 2>&1); then return 0; fi
    case $said in
      *"progress deadline"*)
        look "$selector"
        give_up "$workload" "exceeded its progress deadline: ${trouble:-${waiting:-$(last_line "$said")}}" ;;
      *"timed out waiting"*) ;;
      *NotFound* | *Forbidden* | *"only available"*) stop "$workload cannot be waited for: $(last_line "$said")" ;;
      *)
        # The API server went away, or refuses: asked again until the end, because it may come back.
        if ((SECONDS >= end)); then stop "nobody can say how far $workload is: $(last_line "$said")" "what it was told to do goes on without us; when the cluster answers again, retry"; fi
        sleep 1
        continue ;;
    esac
    look "$selector"
    refused=$(kube get "$workload" --output='jsonpath={.status.conditions[?(@.type=="ReplicaFailure")].message}' 2>/dev/null || true)
    if [ -z "$culprit" ] && [ -n "$refused" ]; then culprit="- -" trouble="no further pod of it can be made: $refused"; fi
    # As long as anything moves, nothing is hopeless.
    now="$culprit ${said%%$'\n'*}"
    if [ "$now" != "$before" ]; then before=$now since=$SECONDS; fi
    if [ "$culprit" = "- -" ]; then culprit=''; fi
    if [ -n "$trouble" ] && ((SECONDS - since >= grace)); then give_up "$workload" "does not come up: $trouble"; fi
    if ((SECONDS >= end)); then give_up "$workload" "was not rolled out within $patience s: ${trouble:-${waiting:-${said%%$'\n'*}}}"; fi
  done
}
