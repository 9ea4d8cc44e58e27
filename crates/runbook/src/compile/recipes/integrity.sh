# Questions whose answers a migration must not change, or only so. The answers from before the first
# attempt count, also when the step is tried again.
answers=".tminus/$RELEASE_ID/integrity/$mark"
answer() { sql -c 'set default_transaction_read_only = on' -f - <<<"$1"; }

integrity_before() {
  local at name rule found
  if [ -d "$answers" ]; then return 0; fi
  rm -rf -- "$answers.part"
  mkdir -p -- "$answers.part"
  for ((at = 0; at < ${#integrity[@]}; at += 3)); do
    name=${integrity[at]} rule=${integrity[at + 1]}
    found=$(answer "${integrity[at + 2]}")
    case $rule in
      same) ;;
      grows | shrinks) if ! [[ $found =~ ^-?[0-9]+$ ]]; then stop "integrity $name: $rule needs a whole number, and the answer is: $found"; fi ;;
      *) if [ "$found" != "$rule" ]; then stop "integrity $name: must be $rule, and is $found already before the migration; nothing was changed"; fi ;;
    esac
    printf '%s' "$found" >"$answers.part/$at"
    printf 'before: %s: %s\n' "$name" "$found"
  done
  mv -- "$answers.part" "$answers"
}

integrity_after() {
  local at name rule was found
  local wrong=()
  for ((at = 0; at < ${#integrity[@]}; at += 3)); do
    name=${integrity[at]} rule=${integrity[at + 1]} was=$(cat "$answers/$at")
    found=$(answer "${integrity[at + 2]}")
    printf 'after: %s: %s\n' "$name" "$found"
    case $rule in
      same) if [ "$found" = "$was" ]; then continue; fi ;;
      grows) if [ "$found" -ge "$was" ]; then continue; fi ;;
      shrinks) if [ "$found" -le "$was" ]; then continue; fi ;;
      *) if [ "$found" = "$rule" ]; then continue; fi ;;
    esac
    wrong+=("$name ($rule): was $was, is $found")
  done
  if [ "${#wrong[@]}" -gt 0 ]; then stop "the migrations are applied, and an answer is not as it must be: ${wrong[0]}" "${wrong[@]:1}"; fi
}
