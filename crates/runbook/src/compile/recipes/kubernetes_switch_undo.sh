if [ ! -f "$record/moved" ]; then say "this release moved nothing here"; exit 0; fi
enter back
mapfile -t before <"$record/before"
read -r live idle <<<"${before[0]}"
if [ "$(kube get service "$service" --output='jsonpath={.spec.selector}')" != "${before[1]}" ]; then
  # Whoever scaled it down meanwhile gave the way back away: it comes up first.
  await "deployment/$live"
  rewrite "service/$service" /spec/selector "${before[1]}"
fi
await_addresses "$live"
# Nobody uses the other one any more, so nobody waits for it.
rewrite "deployment/$idle" /spec/template "${before[2]}" /spec/replicas "${before[3]}"
say "as before: $(describe "deployment/$live")" "as before: $(describe "deployment/$idle")"
