if ! docker compose version >/dev/null 2>&1; then stop "docker compose is not installed on $(hostname)" "install the compose plugin, version 2"; fi
if [ "${#healthy[@]}" != 0 ] && ! command -v curl >/dev/null; then stop "curl is not installed on $(hostname): \`healthy\` is asked by it" "install curl"; fi
umask 077
mkdir -p -- "$record"
printf '*\n' >.tminus/.gitignore
alone

# The file of variables as it is, and as it will be: only the keys that the document names change, each on
# its line, and the others stay byte for byte.
write_env() {
  local change key
  if [ -z "$env_file" ]; then return 0; fi
  if [ ! -f "$record/before" ]; then
    if [ ! -f "$env_file" ]; then stop "there is no $env_file in $PWD"; fi
    cp -p -- "$env_file" "$record/env.before"
  fi
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
  # Until it is in its place, compose is told where it is.
  variables=(--env-file "$record/env.after")
}

check_services() {
  local config there built service
  config=$(compose config)
  known=$(sed -n '/^name: /{s///;s/"//g;p;q}' <<<"$config")
  say "$known" >"$record/project"
  there=" $(awk '/^[^ ]/ { inside = $0 == "services:" } inside && /^  [^ ]/ { gsub(/[ ":]/, ""); print }' <<<"$config" | tr '\n' ' ') "
  built=" $(awk '/^[^ ]/ { inside = $0 == "services:" } inside && /^  [^ ]/ { own = $0; gsub(/[ ":]/, "", own) } inside && /^    build:/ { print own }' <<<"$config" | tr '\n' ' ') "
  for service in "${services[@]}"; do
    if [[ $there != *" $service "* ]]; then stop "the compose file has no service $service; it has:$there"; fi
    if [[ $built == *" $service "* ]]; then
      stop "$service is built on the machine that it runs on" "build and push its image before the release, and name it by \`image:\`: what was not tested elsewhere cannot be brought back either"
    fi
  done
}

# Before anything moves: what runs, by the id of its image.
remember() {
  local service id reference image digest
  if [ ! -f "$record/before" ]; then
    rm -f -- "$record/settings" "$record/well"
    for service in "${services[@]}"; do
      id=$(container "$service")
      if [ -z "$id" ]; then say "$service - - -"; continue; fi
      read -r reference image < <(docker inspect --format '{{.Config.Image}} {{.Image}}' "$id")
      digest=$(docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$image" | head -n 1)
      say "$service $reference $image ${digest:--}"
      say "$service $(settings_of "$id")" >>"$record/settings"
      # What did not answer before has not to on the way back.
      if [ -n "${healthy[$service]-}" ] && is_well "$(ask_address "$(address "$service" "${healthy[$service]}")")"; then say "$service" >>"$record/well"; fi
    done >"$record/before.part"
    mv -- "$record/before.part" "$record/before"
    tell_strangers
  fi
  say "before${traffic:+ in $traffic}:"
  cat -- "$record/before"
}

# What is there now is what a rollback comes back to. What was deployed past tminus is told of.
tell_strangers() {
  local service reference image left
  while read -r service reference image _; do
    left=$(cat -- ".tminus/left/$known/$service" 2>/dev/null || true)
    if [ -z "$left" ] || [ "${left#* }" = "$image" ] || [ "$image" = - ]; then continue; fi
    say "note: $service runs $reference ${image:7:12}, and not ${left% *}, which tminus left here: somebody deployed it since, and a rollback of this release comes back to it"
  done <"$record/before"
}

# Everything is here before the first service moves: a registry that is down stops nothing half-way.
pull_all() {
  compose pull --quiet "${services[@]}"
  variables=()
  if [ -n "$env_file" ] && ! cmp -s "$record/env.after" "$env_file"; then put "$record/env.after" "$env_file"; fi
}

# A service after the other, and at the end a look at all of them: one that was healthy for a moment
# may have ended since.
roll() {
  local service seen ids=() before=() after at until
  for service in "${services[@]}"; do
    if ! grep -qx -- "$service" "$record/moved" 2>/dev/null; then say "$service" >>"$record/moved"; fi
    if [ -n "$1" ] && [ -n "$(container "$service")" ]; then tell drain "$1" "$service"; fi
    until=$((SECONDS + patience))
    move "$service"
    ids+=("$(container "$service")")
    mapfile -t seen < <(docker inspect --format "{{.Config.Image}} {{.Image}}{{println}}$state_format" "${ids[-1]}")
    say "$service runs ${seen[0]}"
    leave "$service" "${seen[0]}"
    before+=("${seen[1]}")
    if [[ ${seen[1]} != *health* ]] && [ -z "${healthy[$service]-}" ]; then say "note: $service has no healthcheck: that it runs is all that is known of it"; fi
    answers "$service" "$until"
    tell admit "$2" "$service"
  done
  mapfile -t after < <(docker inspect --format "$state_format" "${ids[@]}")
  for ((at = 0; at < ${#services[@]}; at++)); do
    if [ "${after[at]-}" != "${before[at]}" ]; then stop "${services[at]} has not stayed as it was when it came up: ${before[at]}; now: ${after[at]:-it is gone}"; fi
  done
}
state_format='{{.State.Status}}{{if .State.Health}}, health {{.State.Health.Status}}{{end}}, {{.RestartCount}} restarts'
