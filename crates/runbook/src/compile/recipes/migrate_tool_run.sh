survey
if [ "${#pending[@]}" -eq 0 ]; then printf 'nothing is pending: %s in the history\n' "${#state[@]}"; fi
if [ "${#pending[@]}" -gt 0 ]; then
  printf 'pending: %s\n' "${pending[@]}"
  code=0
  bash --noprofile --norc -eEo pipefail -c "$run" || code=$?
  read_history after
  left=()
  for file in "${pending[@]}"; do
    name=$(known_as "$file")
    if [ -n "$name" ] && [ "${state[$name]}" = "done" ]; then printf 'applied: %s\n' "$file"; else left+=("$file"); fi
  done
  if [ "$code" -ne 0 ]; then stop "$tool ended with $code, and $((${#pending[@]} - ${#left[@]})) of ${#pending[@]} pending migrations are in its history" "not there: ${left[*]:-none}"; fi
  if [ "${#left[@]}" -gt 0 ]; then stop "$tool reported success, and its history does not have: ${left[*]}" "is it the same database that it was told, and the same folder?"; fi
  printf '%s applied now, by the history of %s\n' "${#pending[@]}" "$tool"
fi
