back() { ask "$1" "$RELEASE_ID/$name" </dev/null; }
# The others go back also when one cannot be reached.
allowed=${#hosts[@]} batch=${#hosts[@]}
each back >"$record/said"
cat -- "$record/said"
if grep -q '^failed on ' "$record/said"; then
  hints=("this may be repeated: hosts that are as before stay so")
  if grep -q ': somebody ' "$record/said"; then hints+=("to keep what somebody changed there, say that this undo is done"); fi
  stop "not every host is as before" "${hints[@]}"
fi
