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
