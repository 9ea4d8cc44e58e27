key=$1 to=$2
case $to in "~/"*) to=$HOME/${to#"~/"} ;; esac
if [ -L "$to" ]; then to=$(readlink -f -- "$to"); fi
kept=$HOME/.tminus/sent/$key
if [ ! -f "$kept/before" ]; then
  printf 'this release sent nothing here\n'
elif [ "$(cat -- "$kept/before")" = - ]; then
  rm -f -- "$to" "$to.tminus"
  printf '%s was not there before, and is gone again\n' "$to"
else
  trap 'rm -f -- "$to.tminus"' EXIT
  cp -p -- "$kept/content" "$to.tminus"
  sync -- "$to.tminus"
  mv -T -- "$to.tminus" "$to"
  printf '%s is %s again\n' "$to" "$(sha256sum <"$to" | cut -c 1-64)"
fi
