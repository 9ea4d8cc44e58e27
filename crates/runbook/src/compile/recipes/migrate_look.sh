survey
printf '%s applied, %s pending\n' "${#known[@]}" "${#pending[@]}"
for file in "${pending[@]}"; do
  printf 'pending: %s sha256 %s\n' "$file" "$(checksum "$file")"
  note_blocking "$file"
done
