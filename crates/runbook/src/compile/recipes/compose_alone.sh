# Others go on when this host fails, so it must not stay half-way: it goes back by itself.
go_back_alone() {
  local code=$?
  trap - EXIT
  if [ "$code" != 0 ] && [ -f "$record/before" ]; then
    say "this host goes back by itself, and the others go on"
    touch -- "$record/alone"
    variables=()
    come_back
  fi
  exit "$code"
}
trap go_back_alone EXIT
# Another attempt after that needs what was sent.
if [ -f "$record/alone" ]; then after_sent; fi
# Whoever ends this has no time for that; the rollback of the release does it.
trap 'trap - EXIT; exit 143' TERM
