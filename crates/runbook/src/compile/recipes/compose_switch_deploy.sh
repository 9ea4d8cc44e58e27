if [ ! -f "$record/live" ]; then
  ask_serving
  if [ "$served" = "${pair[0]}" ]; then say "$served ${pair[1]}"; else say "$served ${pair[0]}"; fi >"$record/live.part"
  mv -- "$record/live.part" "$record/live"
fi
read -r live idle <"$record/live"
say "$live has the traffic"
act_on "$idle"
write_env
check_services
# Both projects read one file, which has the variables of the last one that was brought up; so each
# has a copy of those with which it was.
own=.tminus/$idle.env
if [ ! -f "$record/before" ] && [ -f "$own" ]; then cp -p -- "$own" "$record/own.before"; fi
remember
pull_all
if [ -n "$env_file" ]; then cp -p -- "$record/env.after" "$own"; fi
# Nobody uses it yet, so there is nothing to drain.
roll '' ''
send_to "$idle"
say "$idle has the traffic; $live goes on running as it was: it is the way back"
