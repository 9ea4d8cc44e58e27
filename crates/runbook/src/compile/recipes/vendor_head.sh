# What the address served before, and what the vendor called it, is kept in the folder of the step.
record=".tminus/$RELEASE_ID/$name"
say() { printf '%s\n' "$@"; }
stop() { printf 'error: %s\n' "$1" >&2; shift; if [ "$#" -gt 0 ]; then printf '  %s\n' "$@" >&2; fi; exit 1; }
# Asks the address: one line in `served`, or why there is none in `why`.
look() {
  local code=0
  served='' why=''
  served=$(bash -eEuo pipefail -c "$verify") || code=$?
  if [ "$code" != 0 ]; then why="\`verify\` ended with $code"
  elif [ -z "$served" ]; then why="\`verify\` says nothing"
  elif [[ $served == *$'\n'* ]]; then why="\`verify\` says more than one line"
  fi
  [ -z "$why" ]
}
# Asks until it is that: what a vendor puts live reaches its edges after a while.
arrives() {
  local end=$((SECONDS + patience))
  while ! look || [ "$served" != "$1" ]; do
    if [ "$SECONDS" -ge "$end" ]; then return 1; fi
    sleep 1
  done
}
heard() { printf '%s' "${why:-the address serves $served}"; }
