if [ ! -f "$record/before" ]; then say "this release switched nothing here"; exit 0; fi
before=$(cat -- "$record/before")
if [ -e "$to/current" ] && [ ! -L "$to/current" ]; then stop "$to/current has become a real folder or file" "move it away, and try again"; fi
if [ "$(current)" != "$before" ]; then
  say "$(told "$(current)")"
  if [ "$before" = - ]; then rm -- "$to/current"
  elif [ ! -e "$to/$before" ] && [ ! -e "$before" ]; then stop "$before is not there any more, so there is nothing to go back to" "put it back below $to, and try again"
  else lead "$before"
  fi
fi
if [ "$(current)" != "$before" ]; then stop "$(told "$(current)"), and before this release it was: $before" "somebody else switches it"; fi
if [ "$before" = - ]; then say "$to/current was not there before, and is gone again"; else say "$to/current leads to $before again"; fi
rm -f -- "$to/.current.tminus"
# What this release copied goes as well, so that the next one may have its name.
if [ -f "$record/made" ] && [ "$before" != "releases/$release" ]; then
  rm -rf -- "$to/releases/$release" "$to/releases/.$release.part"
  rm -f -- "$to/releases/.$release.list"
fi
