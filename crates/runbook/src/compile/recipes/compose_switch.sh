# The proxy says which project has the traffic, and nothing else does.
ask_serving() {
  local code=0
  served=$(bash -eEuo pipefail -c "$serving" </dev/null) || code=$?
  if [ "$code" != 0 ]; then stop "\`serving\` cannot tell which project has the traffic: it ended with $code" "its command: $serving"; fi
  case "$served" in
    "${pair[0]}" | "${pair[1]}") ;;
    *) stop "\`serving\` says \`$served\`, which is neither ${pair[0]} nor ${pair[1]}" "its command: $serving" ;;
  esac
}
send_to() {
  traffic=$1
  ask_serving
  if [ "$served" = "$1" ]; then return 0; fi
  tell switch "$switch" ''
  ask_serving
  if [ "$served" != "$1" ]; then stop "$served has the traffic after the switch to $1" "somebody else switches it, or the switch does not arrive: look before trying again"; fi
}
act_on() { project=(--project-name "$1") traffic=$1 known=$1; }

# The project that had the traffic has it again; then the other one is as it was.
come_back() {
  local live idle service
  read -r live idle <"$record/live"
  ask_serving
  if [ "$served" != "$live" ]; then
    # Whoever stopped it meanwhile gave the way back away: it comes up first, as it was.
    act_on "$live"
    for service in "${services[@]}"; do
      if [ -n "$(container "$service")" ]; then move "$service" --no-recreate; fi
    done
    send_to "$live"
  fi
  say "$live has the traffic"
  before_sent
  put_env_back
  act_on "$idle"
  # The last requests of the other one end before it does.
  if [ -f "$record/moved" ]; then tell drain "$drain" ''; fi
  if [ -f "$record/own.before" ]; then
    variables=(--env-file "$record/own.before")
    cp -p -- "$record/own.before" ".tminus/$idle.env"
  else
    rm -f -- ".tminus/$idle.env"
  fi
  bring_back '' ''
}
