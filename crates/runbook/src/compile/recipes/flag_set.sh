look
wanted
remember "$now"
before=$(cat -- "$record/before")
say "before: $flag is $(shown "$before")"
if [ "$now" != "$want" ]; then
  put "$want"
  look
  if [ "$now" != "$want" ]; then stop "the flag $flag is $(shown "$now") after the change, and not $(shown "$want")" "somebody else changes it, or the change does not arrive: look before trying again"; fi
fi
say "now: $flag is $(shown "$now")"
if [ -n "$targeting" ]; then say "note: $flag has targeting rules: users whom they name may get another variant"; fi
