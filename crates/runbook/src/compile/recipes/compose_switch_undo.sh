if [ ! -d "$record" ]; then say "this release moved nothing here"; exit 0; fi
alone
if [ ! -f "$record/before" ]; then say "this release moved nothing here"; exit 0; fi
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
