# What this release sent here may be what `get` and `set` call, and faulty: the flag goes back by what was
# there before. It is lent for that moment only, because the step that sent it goes back in its turn, or
# stays.
replace() {
  cp -p -- "$1" "$2.tminus"
  mv -T -- "$2.tminus" "$2"
}

# What was not there before stays.
lend() {
  local after kept to
  while IFS= read -r after; do
    kept=${after%/after}
    to=$(cat -- "$kept/to")
    if [ ! -f "$kept/content" ] || same "$kept/content" "$to"; then continue; fi
    if ! same "$after" "$to"; then say "$to is not as this release sent it, and stays"; continue; fi
    : >"$kept/lent"
    replace "$kept/content" "$to"
    say "$to is what it was before this release while the flag goes back"
  done < <(sent -t)
}

# Also what an attempt lent that was cut off.
give_back() {
  local after kept to
  while IFS= read -r after; do
    kept=${after%/after}
    if [ ! -f "$kept/lent" ]; then continue; fi
    to=$(cat -- "$kept/to")
    if same "$kept/content" "$to"; then replace "$after" "$to"; fi
    rm -- "$kept/lent"
  done < <(sent -tr)
}
if [ -f "$record/before" ]; then
  trap give_back EXIT
  lend
fi
