# With row-level security a table shows what its policies allow; without it, everything to whoever
# may read it. What cannot be found is no pass.
tables=$(sql -F '|' -v schemas="$(printf '%s\n' "${schemas[@]}")" -v allow="$(printf '%s\n' "${allow_tables[@]}")" -f - <<'SQL'
select n.nspname, c.relname, c.relrowsecurity, (select count(*) from pg_policy p where p.polrelid = c.oid),
    c.relname = any (string_to_array(:'allow', E'\n')) or n.nspname || '.' || c.relname = any (string_to_array(:'allow', E'\n'))
  from unnest(string_to_array(:'schemas', E'\n')) s left join pg_namespace n on n.nspname = s
  left join pg_class c on c.relnamespace = n.oid and c.relkind in ('r', 'p')
  order by 1, 2
SQL
)
looked=0 open=()
while IFS='|' read -r schema table secured policies allowed; do
  if [ -z "$table" ] || [ "$allowed" = t ]; then continue; fi
  looked=$((looked + 1))
  if [ "$secured" != t ]; then open+=("$schema.$table has no row-level security: whoever may read it reads all of it")
  elif [ "$policies" = 0 ]; then open+=("$schema.$table has row-level security and no policy: nobody but its owner sees a row"); fi
done <<<"$tables"
if [ "$looked" = 0 ]; then wrong "no table was found in the schemas: ${schemas[*]}"
elif [ "${#open[@]}" = 0 ]; then say "row-level security and a policy on every table: $looked"
else
  wrong "row-level security: ${open[0]}" "${open[@]:1:20}"
  if [ "${#open[@]}" -gt 21 ]; then printf '  and %s more\n' "$((${#open[@]} - 21))" >&2; fi
fi
