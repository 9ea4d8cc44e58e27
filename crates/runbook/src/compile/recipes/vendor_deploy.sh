(umask 077 && mkdir -p -- "$record" && printf '*\n' >.tminus/.gitignore)
if [ ! -f "$record/before" ]; then
  if ! look; then stop "what is served before cannot be told: $why" "its command: $verify" "where nothing is served yet, let it print a word for that"; fi
  id=-
  if [ -n "$live" ]; then
    id=$(bash -eEuo pipefail -c "$live") || stop "\`live\` cannot tell what is live" "its command: $live"
    if [ -z "$id" ] || [[ $id == *$'\n'* ]]; then stop "\`live\` must print one line, the vendor's name of what is live" "its command: $live"; fi
  fi
  printf '%s\n%s\n' "$served" "$id" >"$record/before.part"
  mv -- "$record/before.part" "$record/before"
fi
SERVED_BEFORE=$(head -n 1 -- "$record/before") LIVE_BEFORE=$(tail -n 1 -- "$record/before")
export SERVED_BEFORE LIVE_BEFORE
say "before: the address serves $SERVED_BEFORE${live:+, which is $LIVE_BEFORE}"
# Looked at first: after a crash the command may have done its work already.
if look && [ "$served" = "$want" ]; then
  say "$want is served already"
else
  code=0
  bash -eEuo pipefail -c "$deploy" || code=$?
  if [ "$code" != 0 ]; then stop "\`deploy\` ended with $code" "its command: $deploy"; fi
  if ! arrives "$want"; then stop "\`deploy\` passed, and after $patience s $(heard), not $want" "did it go to production, and to this project?"; fi
fi
say "now: the address serves $served"
