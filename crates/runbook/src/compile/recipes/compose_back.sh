# Every service that was moved, the last first, with the image that it ran before.
bring_back() {
  local moved at service reference image digest now ids until
  touch -- "$record/moved"
  known=$(cat -- "$record/project")
  mapfile -t moved <"$record/moved"
  for ((at = ${#moved[@]} - 1; at >= 0; at--)); do
    service=${moved[at]}
    read -r _ reference image digest < <(grep -- "^$service " "$record/before")
    if [ -n "$1" ] && [ -n "$(container "$service")" ]; then tell drain "$1" "$service"; fi
    if [ "$image" = - ]; then
      # Not by compose: what it has in its files by now may not be enough to describe the service.
      mapfile -t ids < <(containers "$service")
      if [ "${#ids[@]}" != 0 ]; then docker stop "${ids[@]}" >/dev/null && docker rm --force "${ids[@]}" >/dev/null; fi
      leave "$service"
      say "$service was not there before, and is gone again"
      continue
    fi
    # No registry is needed for what ran here a moment ago, and a name that was given to another
    # image meanwhile means the old one again.
    if ! docker image inspect "$image" >/dev/null 2>&1; then
      if [ "$digest" = - ]; then stop "the image that $service ran before, $image, is not on this machine any more, and no registry is known for it"; fi
      docker pull --quiet "$digest"
    fi
    if [ "$(docker image inspect --format '{{.Id}}' "$reference" 2>/dev/null || true)" != "$image" ]; then docker tag "$image" "$reference"; fi
    until=$((SECONDS + patience))
    move "$service"
    now=$(docker inspect --format '{{.Image}}' "$(container "$service")")
    if [ "$now" != "$image" ]; then stop "$service runs $now and not $image as before"; fi
    leave "$service" "$reference $now"
    say "$service runs $reference $now again"
    if grep -q "^$service " "$record/settings" 2>/dev/null && ! grep -qx -- "$service $(settings_of "$(container "$service")")" "$record/settings"; then
      say "note: $service does not have the settings that it had before: the compose file, or a file that it names, is another one now. Bring that back, then: docker compose up --detach --no-build $service"
    fi
    if grep -qx -- "$service" "$record/well" 2>/dev/null; then answers "$service" "$until"; fi
    tell admit "$2" "$service"
  done
}
# The file of variables as it was. Where somebody changed it since, only the lines of this release go back.
put_env_back() {
  local change
  if [ -z "$env_file" ] || [ ! -f "$record/env.after" ] || cmp -s "$record/env.before" "$env_file"; then return 0; fi
  if cmp -s "$record/env.after" "$env_file"; then put "$record/env.before" "$env_file"; return 0; fi
  cp -p -- "$env_file" "$record/env.back"
  for change in "${changes[@]}"; do
    TMINUS_CHANGE=$change awk -v key="${change%%=*}" '
      pass == 1 { if (index($0, key "=") == 1) before = before $0 "\n"; next }
      $0 == ENVIRON["TMINUS_CHANGE"] { printf "%s", before; next }
      { print }' pass=1 "$record/env.before" pass=2 "$record/env.back" >"$record/env.next"
    cat -- "$record/env.next" >"$record/env.back"
    rm -- "$record/env.next"
  done
  put "$record/env.back" "$env_file"
  say "$env_file was changed by somebody since: only what this release changed in it goes back"
}
come_back() {
  before_sent
  put_env_back
  bring_back "$drain" "$admit"
}
