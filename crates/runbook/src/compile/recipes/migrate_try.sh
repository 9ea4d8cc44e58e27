# Everything that is pending, in one transaction that is taken back.
survey
run=()
for file in "${pending[@]}"; do
  if alone "$file"; then printf 'not tried, because it runs outside a transaction: %s\n' "$file"; else run+=(-f "$file"); fi
done
if [ "${#run[@]}" -gt 0 ]; then
  sql -c 'begin' -c "set local lock_timeout = '$lock_timeout'; set local statement_timeout = '$statement_timeout'" "${run[@]}" -c 'rollback'
fi
printf 'tried and taken back: %s of %s pending files\n' "$((${#run[@]} / 2))" "${#pending[@]}"
