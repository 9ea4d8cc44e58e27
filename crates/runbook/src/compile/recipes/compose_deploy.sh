if ! docker compose version >/dev/null 2>&1; then stop "docker compose is not installed on $(hostname)" "install the compose plugin, version 2"; fi
umask 077
mkdir -p -- "$record"
printf '*\n' >.tminus/.gitignore

known=" $(compose config --services | tr '\n' ' ') "
for service in "${services[@]}"; do
  if [[ $known != *" $service "* ]]; then stop "the compose file has no service $service; it has:$known"; fi
  if compose config "$service" | awk -v own="  $service:" '$0 == own { inside = 1; next } /^  [^ ]/ { inside = 0 } inside && /^    build:/ { found = 1 } END { exit !found }'; then
    stop "$service is built on the machine that it runs on" "build and push its image before the release, and name it by \`image:\`: what was not tested elsewhere cannot be brought back either"
  fi
done

# Before anything moves: what runs, by the id of its image, and the file of variables as it is.
if [ ! -f "$record/before" ]; then
  if [ -n "$env_file" ]; then
    if [ ! -f "$env_file" ]; then stop "there is no $env_file in $PWD"; fi
    cp -p -- "$env_file" "$record/env.before"
  fi
  for service in "${services[@]}"; do
    id=$(container "$service")
    if [ -z "$id" ]; then say "$service - - -"; continue; fi
    image=$(docker inspect --format '{{.Image}}' "$id")
    digest=$(docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$image" | head -n 1)
    say "$service $(docker inspect --format '{{.Config.Image}}' "$id") $image ${digest:--}"
  done >"$record/before.part"
  mv -- "$record/before.part" "$record/before"
fi
say "before:"
cat -- "$record/before"

# Only the keys that the document names, each on its line; the others stay byte for byte.
if [ -n "$env_file" ]; then
  cp -p -- "$record/env.before" "$record/env.after"
  for change in "${changes[@]}"; do
    key=${change%%=*}
    TMINUS_CHANGE=$change awk -v key="$key" '
      index($0, key "=") == 1 { if (!done) print ENVIRON["TMINUS_CHANGE"]; done = 1; next }
      { print }
      END { if (!done) print ENVIRON["TMINUS_CHANGE"] }' "$record/env.after" >"$record/env.next"
    cat -- "$record/env.next" >"$record/env.after"
    rm -- "$record/env.next"
  done
fi

# Everything is here before the first service moves: a registry that is down stops nothing half-way.
pull=("${options[@]}")
if [ -n "$env_file" ]; then pull+=(--env-file "$record/env.after"); fi
docker compose "${pull[@]}" pull --quiet "${services[@]}"
if [ -n "$env_file" ] && ! cmp -s "$record/env.after" "$env_file"; then put "$record/env.after" "$env_file"; fi

for service in "${services[@]}"; do
  if ! grep -qx -- "$service" "$record/moved" 2>/dev/null; then say "$service" >>"$record/moved"; fi
  move "$service"
  id=$(container "$service")
  say "$service runs $(docker inspect --format '{{.Config.Image}} {{.Image}}' "$id")"
  if [ "$(docker inspect --format '{{if .State.Health}}yes{{end}}' "$id")" != yes ]; then
    say "note: $service has no healthcheck: that it runs is all that is known of it"
  fi
done
