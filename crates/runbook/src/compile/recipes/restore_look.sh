if [ "$ledger" = true ] && [ "$(exists "$live")" = t ]; then
  applied=$(sql -c "select to_regclass('public.tminus_migrations') is not null")
  if [ "$applied" = t ]; then applied=$(sql -v release="$RELEASE_ID" -f - <<<"select exists (select from public.tminus_migrations where release = :'release')"); fi
  if [ "$applied" != t ]; then
    printf 'this release applied nothing to %s, so there is nothing to restore\n' "$live"
    printf 'NOTHING_TO_UNDO=this release applied nothing to %s\n' "$live" >>"$RUN_OUT"
    exit 0
  fi
fi
if [ "$(exists "$kept")" = t ]; then
  printf '%s was restored by this release already; %s is what it was before\n' "$live" "$kept"
  printf 'TOLD=%s was restored by this release already.\n%s=done:0:\n' "$live" "$mark" >>"$RUN_OUT"
  exit 0
fi
needs_tools
find_backup record
measure
printf '%s\n' "$told"
printf 'TOLD=%s\n%s=%s:%s:%s\n' "$told" "$mark" "$how" "$lost" "$sum" >>"$RUN_OUT"
