if [ ! -f "$record/before" ]; then say "this release did not change the flag $flag here"; exit 0; fi
before=$(cat -- "$record/before")
look
if [ "$now" != "$before" ]; then
  say "$flag is $(shown "$now")"
  put "$before"
  look
  if [ "$now" != "$before" ]; then stop "the flag $flag is $(shown "$now"), and not $(shown "$before") as before this release" "put it back by hand, then mark this undo as done"; fi
fi
say "$flag is $(shown "$now") again"
