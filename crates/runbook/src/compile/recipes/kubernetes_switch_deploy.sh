enter forward
# Says which one is not there.
kube get "service/$service" "deployment/${pair[0]}" "deployment/${pair[1]}" --output=name >/dev/null
if [ ! -f "$record/before" ]; then
  live=''
  for one in "${pair[@]}"; do
    if serves "$one"; then live+=" $one"; fi
  done
  case "$live" in
    " ${pair[0]}") live=${pair[0]} idle=${pair[1]} ;;
    " ${pair[1]}") live=${pair[1]} idle=${pair[0]} ;;
    '') stop "the service $service sends to neither of ${pair[*]}: which one is to be replaced?" "its selector must match the labels of one of them, such as colour: blue" ;;
    *) stop "the service $service sends to both of ${pair[*]}, so there is nothing to switch" "give their pods a label that differs, such as colour: blue, and the service one of its values" ;;
  esac
  {
    say "$live $idle"
    kube get service "$service" --output='jsonpath={.spec.selector}{"\n"}'
    kube get "deployment/$idle" --output='jsonpath={.spec.template}{"\n"}{.spec.replicas}{"\n"}'
  } >"$record/before.part"
  say "in the namespace $namespace of $context, the service $service sends to $live:" "  $(describe "deployment/$live")" "  $(describe "deployment/$idle")" >"$record/said"
  remember_pods "deployment/$idle"
  say "$old" >"$record/pods"
  mv -- "$record/before.part" "$record/before"
fi
mapfile -t before <"$record/before"
read -r live idle <<<"${before[0]}"
old=$(cat -- "$record/pods")
cat -- "$record/said"

# What the other one is told, and what the Service will look for: the keys that it has, with the
# values of the other one's pods.
selector=''
while IFS='=' read -r key _; do
  value=$(kube get "deployment/$idle" --output=go-template="$labels_template" | sed -n "s|^$key=||p")
  if [ -z "$value" ]; then stop "the service $service selects by $key, which the pods of $idle do not have" "give them that label"; fi
  selector+="${selector:+,}\"$key\":\"$value\""
done < <(kube get service "$service" --output=go-template="$selector_template")
for image in "${images[@]}"; do say "  deployment/$idle: $image"; done
kube set image "deployment/$idle" "${images[@]}" --dry-run=server --output=name --field-manager=tminus

touch -- "$record/moved"
kube set image "deployment/$idle" "${images[@]}" --field-manager=tminus
wanted=$(kube get "deployment/$live" --output='jsonpath={.spec.replicas}')
if [ "$(kube get "deployment/$idle" --output='jsonpath={.spec.replicas}')" -lt "$wanted" ]; then
  kube scale "deployment/$idle" --replicas="$wanted"
fi
await "deployment/$idle"
say "rolled out, and not in use yet: $(describe "deployment/$idle")"
if ! serves "$idle"; then rewrite "service/$service" /spec/selector "{$selector}"; fi
await_addresses "$idle"
say "$live goes on running as it was: it is the way back"
