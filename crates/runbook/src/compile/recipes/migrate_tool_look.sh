survey
printf '%s in the history, %s pending\n' "${#state[@]}" "${#pending[@]}"
for file in "${pending[@]}"; do printf 'pending: %s sha256 %s\n' "$file" "$(checksum "$file")"; done
