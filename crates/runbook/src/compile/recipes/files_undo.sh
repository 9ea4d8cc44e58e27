back() { ask "$1" "$RELEASE_ID/$name" "$to" </dev/null; }
# The others go back also when one cannot be reached.
allowed=${#hosts[@]} batch=${#hosts[@]}
each back >"$record/said"
cat -- "$record/said"
if grep -q '^failed on ' "$record/said"; then stop "not every host is as before" "this may be repeated: hosts that are as before stay so"; fi
