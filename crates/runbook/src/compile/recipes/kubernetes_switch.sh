labels_template='{{range $key, $value := .spec.template.metadata.labels}}{{$key}}={{$value}}{{"\n"}}{{end}}'
selector_template='{{range $key, $value := .spec.selector}}{{$key}}={{$value}}{{"\n"}}{{end}}'

# Whether the Service sends to the pods of a Deployment.
serves() {
  local wanted
  wanted=$(kube get service "$service" --output=go-template="$selector_template")
  [ -n "$wanted" ] && ! grep -vxF -f <(kube get "deployment/$1" --output=go-template="$labels_template") <<<"$wanted" >/dev/null
}

# Traffic has moved when every address of the Service is a pod of this Deployment.
await_addresses() {
  local to=$1 end=$((SECONDS + patience)) own addresses stray
  while true; do
    own=$(kube get pods --selector="$(selector_of "deployment/$to")" --output='jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}')
    addresses=$(kube get endpoints "$service" --output='jsonpath={range .subsets[*].addresses[*]}{.targetRef.name}{"\n"}{end}')
    stray=$(grep -vxF -e "$own" <<<"$addresses" || true)
    if [ -n "$addresses" ] && [ -z "$stray" ]; then
      say "the service $service sends to $(grep -c . <<<"$addresses") pods of $to"
      return 0
    fi
    if ((SECONDS >= end)); then stop "the service $service has no address of $to that is ready after $patience s" "look:  kubectl --context=$context --namespace=$namespace get endpoints $service"; fi
    sleep 0.5
  done
}
