# The value is whatever `get` prints, one line.
look() {
  local code=0
  now=$(FLAG=$flag bash -eEuo pipefail -c "$get") || code=$?
  if [ "$code" != 0 ]; then stop "\`get\` cannot tell what the flag $flag is: it ended with $code" "its command: $get"; fi
  if [ -z "$now" ]; then stop "\`get\` says nothing about the flag $flag" "its command: $get"; fi
  if [[ $now == *$'\n'* ]]; then stop "\`get\` says more than one line about the flag $flag" "it must print the value and nothing else: $get"; fi
}
wanted() { want=$to; }
put() {
  local code=0
  FLAG=$flag FLAG_VALUE=$1 bash -eEuo pipefail -c "$set" || code=$?
  if [ "$code" != 0 ]; then stop "\`set\` did not change the flag $flag to $1: it ended with $code" "its command: $set"; fi
}
shown() { printf '%s' "$1"; }
targeting=
