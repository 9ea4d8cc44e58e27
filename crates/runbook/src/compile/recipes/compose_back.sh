# Every service that was moved, the last first, with the image that it ran before.
bring_back() {
  local moved at service reference image digest now ids
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
    move "$service"
    now=$(docker inspect --format '{{.Image}}' "$(container "$service")")
    if [ "$now" != "$image" ]; then stop "$service runs $now and not $image as before"; fi
    say "$service runs $reference $now again"
    tell admit "$2" "$service"
  done
}
put_env_back() {
  if [ -n "$env_file" ] && ! cmp -s "$record/env.before" "$env_file"; then put "$record/env.before" "$env_file"; fi
}
