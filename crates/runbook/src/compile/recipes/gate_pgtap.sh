# Each file in a transaction that is taken back. What counts is its own plan: tests that did not run
# are no pass.
if [ "${#tests[@]}" = 0 ]; then wrong "no file matches $pgtap in $PWD"; fi
for file in "${tests[@]}"; do
  if found=$(grep -niE '^[[:space:]]*(commit|\\(c|connect|!))([[:space:]]|;|$)' -- "$file"); then
    wrong "$file would leave something behind: line ${found%%$'\n'*}" "end it with ROLLBACK, as pgTAP's tests do"
    continue
  fi
  code=0
  tap=$(sql -c begin -f "$file" -c rollback 2>&1) || code=$?
  IFS='|' read -r planned ran bad first < <(awk '
    /^1\.\.[0-9]+/ { split($1, parts, /\.\./); planned = parts[2]; if ($0 ~ /# *[Ss][Kk][Ii][Pp]/) skipped = 1 }
    /^ok( |$)/ { ran++ }
    /^not ok( |$)/ { ran++; if ($0 !~ /# *[Tt][Oo][Dd][Oo]/) { failed++; if (first == "") first = $0 } }
    /^Bail out!/ { failed++; first = $0 }
    END { printf "%s|%d|%d|%s\n", skipped ? "skip" : planned, ran, failed, first }' <<<"$tap")
  if [ "$code" != 0 ]; then wrong "$file ended with $code: $(grep -m 1 ERROR <<<"$tap" || tail -n 1 <<<"$tap")"
  elif [ "$bad" != 0 ]; then wrong "$file: $bad of $ran tests failed: $first"; grep -A 8 -E '^not ok' <<<"$tap" | sed 's/^/  /' >&2
  elif [ "$planned" = skip ]; then say "$file: skipped by its own plan"
  elif [ -z "$planned" ] || [ "$planned" = 0 ]; then wrong "$file says of no test that it runs (no \`plan\`), so it shows nothing"
  elif [ "$planned" != "$ran" ]; then wrong "$file: $planned tests were planned, and $ran ran"
  else say "$file: $ran tests passed"; fi
done
