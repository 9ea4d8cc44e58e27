if [ ! -f "$record/before" ]; then say "this release published nothing here"; exit 0; fi
before=$(head -n 1 -- "$record/before") page_before=$(tail -n 1 -- "$record/before")
objects
now=$(current)
if [ "$now" != "$before" ] && [ "$now" != "$release" ]; then stop "$(told "$now"), and this release is $release: what is served now is somebody else's" "go back from there first"; fi
if [ "$serve" = pointer ] && [ "$before" != - ] && ! grep -qF $'\t'"releases/$before/" "$record/objects"; then stop "$to/releases/$before/ is not there any more, so there is nothing to go back to" "publish $before again, then mark this undo as done"; fi
if [ "$serve" = files ]; then put_back; fi
if [ "$now" != "$before" ]; then
  if [ "$before" = - ]; then ask s3api delete-object --bucket "$bucket" --key "${prefix}current" >/dev/null; else lead "$before"; fi
fi
now=$(objects && current)
if [ "$now" != "$before" ]; then stop "$(told "$now"), and before this release it was: $before" "somebody else publishes there"; fi
if [ "$before" = - ]; then
  say "$to/current was not there before, and is gone again"
elif ! is_there "releases/$before.manifest"; then
  say "$to/current names $before again; it has no manifest, so its files were not compared"
else
  manifest_of "$before" "$record/old"
  if ! is_whole "$before" "$record/old"; then stop "$to/current names $before again, and the files of $before are not what its manifest says" "look at $to/releases/$before/, or publish it anew"; fi
  say "$to/current names $before again, whose files are what its manifest says"
fi
if [ -n "$url" ] && [ "$page_before" != - ]; then
  if ! serves "$page_before"; then stop "$url does not serve what it did before this release, after ${patience} s: $(heard)" "is there a cache that keeps the new one?"; fi
  say "$url serves what it did before"
fi
# What this release brought goes as well, so that the next one may have its name.
if [ -f "$record/made" ] && [ "$before" != "$release" ]; then
  ask s3 rm --recursive --only-show-errors "$to/releases/" --exclude '*' --include "$release/*" --include "$release.manifest" --include ".before-$RELEASE_ID/*" >/dev/null
fi
