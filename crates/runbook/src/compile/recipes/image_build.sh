# What this step asked for once may be there half or whole: it is built and pushed again, from the
# builder's cache. What was there before belongs to somebody else.
digest=''
if [ ! -f "$record/asked" ]; then
  for image in "${tags[@]}"; do
    before=$(digest_of "$image")
    if [ "$before" = - ]; then continue; fi
    if [ "$existing" != use ]; then
      stop "$image is in the registry already, with $before: what was pushed under a name is never changed" "give this version another name, or take what is there: \`existing: use\`"
    fi
    if [ -n "$digest" ] && [ "$digest" != "$before" ]; then stop "$image is $before in the registry, and ${tags[0]} is $digest: they are not one image" "give this version another name"; fi
    digest=$before
  done
fi
if [ -n "$digest" ]; then
  say "nothing is built: the registry has it already"
else
  touch -- "$record/asked"
  arguments=(--push --progress=plain --metadata-file "$record/metadata.json")
  for image in "${tags[@]}"; do arguments+=(--tag "$image"); done
  for pair in "${build_args[@]}"; do arguments+=(--build-arg "$pair"); done
  if [ "${#platforms[@]}" -gt 0 ]; then arguments+=(--platform "$(IFS=,; printf '%s' "${platforms[*]}")"); fi
  if [ -n "$file" ]; then arguments+=(--file "$file"); fi
  if [ -n "$stage" ]; then arguments+=(--target "$stage"); fi
  if [ -n "$builder" ]; then arguments+=(--builder "$builder"); fi
  rm -f -- "$record/metadata.json"
  say "docker buildx build ${arguments[*]} $context"
  docker buildx build "${arguments[@]}" "$context"
  digest=$(sed -n 's/.*"containerimage\.digest": *"\(sha256:[0-9a-f]*\)".*/\1/p' "$record/metadata.json")
  if [ -z "$digest" ]; then stop "docker buildx does not say the digest of what it pushed" "look at $record/metadata.json"; fi
fi

# What the registry serves now, and not what was meant to be pushed.
for image in "${tags[@]}"; do
  now=$(digest_of "$image")
  if [ "$now" != "$digest" ]; then stop "$image is $now in the registry, and not $digest" "somebody else pushes under this name: look before trying again"; fi
done
if [ "${#platforms[@]}" -gt 1 ]; then
  has=$(docker buildx imagetools inspect "${tags[0]}" | sed -n 's/^ *Platform: *//p' | tr '\n' ' ')
  for platform in "${platforms[@]}"; do
    case " $has" in *" $platform "*) ;; *) stop "${tags[0]} has no image for $platform; it has: ${has:-one for no platform in particular}" "build it again under another name" ;; esac
  done
fi
say "now: ${tags[0]%:*}@$digest"
printf '%s\n' "$output=${tags[0]%:*}@$digest" "${output}_DIGEST=$digest" >>"$RUN_OUT"
