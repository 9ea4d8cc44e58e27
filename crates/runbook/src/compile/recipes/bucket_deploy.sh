if [ ! -d "$from" ]; then stop "there is no folder $from in $PWD" "build the site in a step before this one"; fi
odd=$(find -L "$from/" ! -type d ! -type f -print -quit)
if [ -n "$odd" ]; then stop "$odd is neither a file, a folder nor a link to one" "a bucket has only files"; fi
odd=$(find -L "$from/" -name $'*[\x01-\x1f\\\\]*' -print -quit)
if [ -n "$odd" ]; then stop "$odd has a character in its name that no address should have"; fi
manifest "$from" >"$record/manifest"
cut -f 4 "$record/manifest" >"$record/paths"
count=$(wc -l <"$record/paths")
if [ "$count" = 0 ]; then stop "$from has no files: that is no site" "build it in a step before this one"; fi
if [ "$serve" = files ] && odd=$(grep -m 1 -E '^(releases/|current$)' "$record/paths"); then stop "$from/$odd has the place of what this step keeps: releases/ and current" "give it another name"; fi
page_sum=''
if [ -n "$url" ]; then
  page_sum=$(awk -F '\t' -v path="$expect" '$4 == path { print $1 }' "$record/manifest")
  if [ -z "$page_sum" ]; then stop "$from has no file $expect, which $url is to serve" "name another one: \`expect\`"; fi
fi
objects
before=$(current)

# Old releases go before anything else, so that the way back is to what is there now, whole.
if [ -n "$keep" ] && [ ! -f "$record/before" ]; then
  ask s3api list-objects-v2 --bucket "$bucket" --prefix "${prefix}releases/" --query 'Contents[].[LastModified,Key]' --output text |
    awk -F '\t' -v cut="$((${#prefix} + 9))" '{ path = substr($2, cut + 1) } path !~ /\// && sub(/\.manifest$/, "", path) { print $1 "\t" path }' | sort -r | cut -f 2 >"$record/releases"
  awk -v before="$before" -v mine="$release" -v keep="$keep" '$0 == mine || $0 == before { next } ++n > keep - (before != "-")' "$record/releases" >"$record/old"
  : >"$record/kept"
  if [ -s "$record/old" ] && [ "$serve" = files ]; then
    while IFS= read -r one; do
      manifest_of "$one" "$record/one"
      cut -f 4 "$record/one" >>"$record/kept"
    done < <(without "$record/old" <"$record/releases")
    cat "$record/paths" >>"$record/kept"
  fi
  while IFS= read -r old; do
    if [ "$serve" = files ]; then
      manifest_of "$old" "$record/one"
      cut -f 4 "$record/one" | without "$record/kept" >"$record/stale"
      each "$record/stale" drop_served
    fi
    ask s3 rm --recursive --only-show-errors "$to/releases/$old/" >/dev/null
    ask s3api delete-object --bucket "$bucket" --key "${prefix}releases/$old.manifest" >/dev/null
    say "removed (keep: $keep): $to/releases/$old"
  done <"$record/old"
  objects
fi

# What another release saved for its own way back is of no use any more.
if [ ! -f "$record/before" ]; then
  grep -o $'\treleases/\\.before-[^/]*/' "$record/objects" | sort -u | while IFS= read -r left; do
    ask s3 rm --recursive --only-show-errors "$to/${left#$'\t'}" >/dev/null
  done || [ "$?" = 1 ]
fi

# Before anything is served: what is served now, of the objects and at the address.
if [ ! -f "$record/before" ]; then
  served >"$record/served"
  seen=-
  if [ -n "$url" ]; then seen=$(page); fi
  printf '%s\n%s\n' "$before" "$seen" >"$record/before.part"
  mv -- "$record/before.part" "$record/before"
fi
before=$(head -n 1 -- "$record/before")
say "before: $(told "$before")"

# Nothing below releases/NAME is served until it is whole and was read back.
if is_there "releases/$release.manifest"; then
  manifest_of "$release" "$record/there"
  if ! cmp -s "$record/manifest" "$record/there"; then stop "$to/releases/$release is there already, and is not what $from is: what was published under a name is never changed" "give this release another name"; fi
  say "$to/releases/$release is there already, and the same"
else
  if [ ! -f "$record/made" ]; then
    if grep -qF $'\t'"releases/$release/" "$record/objects"; then stop "$to/releases/$release/ has objects and no manifest: somebody was cut off there" "look at it, and remove it: aws s3 rm --recursive $to/releases/$release/"; fi
    touch -- "$record/made"
  fi
  if grep -qF $'\t'"releases/$release/" "$record/objects"; then ask s3 rm --recursive --only-show-errors "$to/releases/$release/" >/dev/null; fi
  known=()
  while IFS= read -r ending; do known+=("*.$ending"); done < <(awk -F '\t' '$3 != "application/octet-stream" { sub(/.*\./, "", $4); print $4 }' "$record/manifest" | sort -u)
  while IFS= read -r type; do
    only=()
    if [ "$type" = application/octet-stream ]; then
      for ending in "${known[@]}"; do only+=(--exclude "$ending"); done
    else
      only=(--exclude '*')
      while IFS= read -r ending; do only+=(--include "*.$ending"); done < <(awk -F '\t' -v type="$type" '$3 == type { sub(/.*\./, "", $4); print $4 }' "$record/manifest" | sort -u)
    fi
    copy "${only[@]}" --content-type "$type" "$from" "$to/releases/$release/"
  done < <(cut -f 3 "$record/manifest" | sort -u)
  if ! is_whole "$release" "$record/manifest"; then
    { diff "$record/manifest" "$record/there" || [ "$?" = 1 ]; } | head -n 10
    stop "what came to $to/releases/$release/ is not what $from was when this step began; nothing of it is served" "find out who builds into $from meanwhile, and run the step again"
  fi
  ask s3api put-object --bucket "$bucket" --key "${prefix}releases/$release.manifest" --body "$record/manifest" --content-type 'text/tab-separated-values; charset=utf-8' >/dev/null
fi
say "$to/releases/$release/: read back, the same as $from, files: $count"

now=$(objects && current)
if [ "$now" != "$before" ] && [ "$now" != "$release" ]; then stop "$(told "$now"), and when this release began: $before" "somebody else publishes there"; fi
if [ "$serve" = files ]; then lay_out; fi
if [ "$now" != "$release" ]; then lead "$release"; fi
now=$(objects && current)
if [ "$now" != "$release" ]; then stop "$(told "$now") after the switch, and not $release" "somebody else publishes there"; fi
say "now: $to/current names $release"
if [ -n "$url" ]; then
  if ! serves "$page_sum"; then stop "$url does not serve $expect of this release after ${patience} s: $(heard)" "is \`$to\` what is served there, and does a cache keep the old one?"; fi
  say "$url serves $expect of $release"
fi
