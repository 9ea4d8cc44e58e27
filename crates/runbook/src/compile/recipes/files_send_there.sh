key=$1 to=$2 sum=$3 mode=$4
stop() { printf 'error: %s\n' "$1"; exit 1; }
umask 077
case $to in "~/"*) to=$HOME/${to#"~/"} ;; esac
if [ -L "$to" ]; then to=$(readlink -f -- "$to"); fi
if [ -d "$to" ]; then stop "$to is a folder: name the file"; fi
if [ ! -d "$(dirname -- "$to")" ]; then stop "there is no folder $(dirname -- "$to")"; fi
# Before anything changes: what is in its place.
kept=$HOME/.tminus/sent/$key
mkdir -p -- "$kept"
if [ ! -f "$kept/before" ]; then
  if [ -e "$to" ]; then
    cp -p -- "$to" "$kept/content"
    printf 'file\n' >"$kept/before.part"
  else
    printf -- '-\n' >"$kept/before.part"
  fi
  mv -- "$kept/before.part" "$kept/before"
fi
printf '%s\n' "$to" >"$kept/to"
is_before() { [ "$(cat -- "$kept/before")" = file ] && cmp -s -- "$kept/content" "$to"; }
# Between two attempts somebody may have mended it: that is theirs.
if [ -f "$kept/after" ] && [ -e "$to" ] && ! cmp -s -- "$kept/after" "$to" && ! is_before; then
  printf 'error: %s is not as this release sent it: somebody changed it since, and it stays\n' "$to"
  printf '  what was changed:  diff %s\n' "$(printf '%q ' "$kept/after" "$to")"
  printf '  to send it again:  rm -- %s\n' "$(printf '%q' "$to")"
  exit 1
fi
if [ "$(cat -- "$kept/before")" = - ]; then printf 'before: there was no %s\n' "$to"; else printf 'before: %s was %s\n' "$to" "$(sha256sum <"$kept/content" | cut -c 1-64)"; fi
# It arrives beside it, and takes its name when it is whole.
trap 'rm -f -- "$to.tminus"' EXIT
cat >"$to.tminus"
got=$(sha256sum <"$to.tminus" | cut -c 1-64)
if [ "$got" != "$sum" ]; then stop "what arrived is not what was sent: $got"; fi
if [ -e "$to" ]; then
  chmod --reference="$to" -- "$to.tminus"
  chown --reference="$to" -- "$to.tminus"
else
  chmod 644 -- "$to.tminus"
fi
if [ -n "$mode" ]; then chmod "$mode" -- "$to.tminus"; fi
sync -- "$to.tminus"
# Kept for a service that goes back and forth before this step itself does.
cp -p -- "$to.tminus" "$kept/after"
mv -T -- "$to.tminus" "$to"
printf 'now: %s, mode %s, %s bytes\n' "$to" "$(stat -c %a -- "$to")" "$(stat -c %s -- "$to")"
