kept=$HOME/.tminus/sent/$1
say() { printf '%s\n' "$@"; }
# Both are written before anything is replaced.
if [ ! -f "$kept/before" ] || [ ! -f "$kept/to" ]; then say "this release sent nothing here"; exit 0; fi
to=$(cat -- "$kept/to")
rm -f -- "$to.tminus"
if [ "$(cat -- "$kept/before")" = - ]; then
  was="not there" back="rm -- $(printf %q "$to")"
  is_back() { [ ! -e "$to" ]; }
else
  was=$(sha256sum <"$kept/content" | cut -c 1-64) back="cp -p -- $(printf '%q ' "$kept/content" "$to")"
  is_back() { same "$kept/content" "$to"; }
fi
if is_back; then say "$to is $was, as before this release"; exit 0; fi
if [ ! -f "$kept/after" ]; then say "this release replaced nothing here"; exit 0; fi
# What was changed is not shown, only how to see it: such files hold passwords.
if ! same "$kept/after" "$to"; then
  if [ -e "$to" ]; then say "error: $to is not as this release sent it: somebody changed it since, and it stays" "  what was changed:          diff $(printf '%q ' "$kept/after" "$to")"
  else say "error: $to is gone: somebody removed it since this release sent it"; fi
  say "  put back what was before:  $back"
  exit 1
fi
if [ "$was" = "not there" ]; then
  rm -f -- "$to"
  say "$to was not there before, and is gone again"
else
  trap 'rm -f -- "$to.tminus"' EXIT
  cp -p -- "$kept/content" "$to.tminus"
  sync -- "$to.tminus"
  mv -T -- "$to.tminus" "$to"
  say "$to is $was again"
fi
