# What goes forward must be over before it is taken back, or both would be at work at once.
back=$workflow workflow=$forward
about "$folder" "tminus/$RELEASE_ID/$name"
if ((number == 0)); then say "this release dispatched nothing here"; exit 0; fi
if ! list; then stop "nothing was dispatched: whether the $thing before is over cannot be asked: $(said)" "$(why_refused)"; fi
latest "$folder" "tminus/$RELEASE_ID/$name"
if [ -z "$run" ]; then search; fi
if ! look; then stop "nothing was dispatched: whether the $thing $run is over cannot be asked: $(said)" "$(hint)"; fi
if [ -z "$over" ]; then
  say "the $thing $run is still at work: it is cancelled first"
  follow 'is taken back'
fi
say "the $thing $run: $conclusion"
workflow=$back
whole "$folder/undo" "tminus/$RELEASE_ID/$name/undo"
