# The new database takes the name in one transaction: before it the old one is there, after it the new.
again="look again, which asks again (tminus answer $look retry), then retry this step"
swap() {
  lobby -f - <<'SQL'
select set_config('tminus.live', :'live', false), set_config('tminus.kept', :'kept', false), set_config('tminus.scratch', :'scratch', false) \g /dev/null
do $$
declare
  live text := current_setting('tminus.live');
begin
  if exists (select from pg_database where datname = live) then
    -- The rename holds new connections off while it waits for the old ones to end.
    for attempt in 1..5 loop
      begin
        perform pg_stat_clear_snapshot();
        -- Of other roles' sessions an ordinary one sees neither kind nor state; what has no user is the server's.
        perform pg_terminate_backend(pid) from pg_stat_activity where datname = live and usesysid is not null;
        execute format('alter database %I rename to %I', live, current_setting('tminus.kept'));
        exit;
      exception when object_in_use then
        if attempt = 5 then raise; end if;
      end;
    end loop;
  end if;
  execute format('alter database %I rename to %I', current_setting('tminus.scratch'), live);
end $$;
SQL
}

# As the old one: encoding, owner, rights, settings. pg_dump has none of them without --create.
make_alike() {
  lobby -f - <<'SQL'
select format('create database %I template template0 owner %I encoding %L lc_collate %L lc_ctype %L', :'scratch', r.rolname, pg_encoding_to_char(d.encoding), d.datcollate, d.datctype)
    -- Naming the usual one would need a right that only superusers have.
    || case when t.spcname <> 'pg_default' then format(' tablespace %I', t.spcname) else '' end
    || case j->>'datlocprovider' when 'i' then format(' locale_provider icu icu_locale %L', coalesce(j->>'daticulocale', j->>'datlocale'))
                                 when 'b' then format(' locale_provider builtin builtin_locale %L', j->>'datlocale') else '' end
  from pg_database d cross join lateral to_jsonb(d) j join pg_roles r on r.oid = d.datdba join pg_tablespace t on t.oid = d.dattablespace
  where d.datname = :'live' \gexec
select format('alter database %I connection limit %s', :'scratch', datconnlimit) from pg_database where datname = :'live' and datconnlimit >= 0 \gexec
select format('comment on database %I is %L', :'scratch', shobj_description(oid, 'pg_database')) from pg_database where datname = :'live' and shobj_description(oid, 'pg_database') is not null \gexec
select format('revoke all on database %I from public', :'scratch') from pg_database where datname = :'live' and datacl is not null \gexec
select format('grant %s on database %I to %s%s', a.privilege_type, :'scratch', case when a.grantee = 0 then 'public' else quote_ident(r.rolname) end, case when a.is_grantable then ' with grant option' else '' end)
  from pg_database d cross join lateral aclexplode(d.datacl) a left join pg_roles r on r.oid = a.grantee where d.datname = :'live' \gexec
select format('alter %s set %I to %s', case when s.setrole = 0 then format('database %I', :'scratch') else format('role %I in database %I', r.rolname, :'scratch') end, split_part(c, '=', 1),
    -- These hold lists that are quoted already, as in pg_dump's own variable_is_guc_list_quote.
    case when lower(split_part(c, '=', 1)) in ('local_preload_libraries', 'search_path', 'session_preload_libraries', 'shared_preload_libraries', 'temp_tablespaces', 'unix_socket_directories')
         then substr(c, strpos(c, '=') + 1) else quote_literal(substr(c, strpos(c, '=') + 1)) end)
  from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase cross join lateral unnest(s.setconfig) c left join pg_roles r on r.oid = s.setrole where d.datname = :'live' \gexec
SQL
}

if [ "$(exists "$kept")" = t ]; then
  printf '%s was restored by this release already; %s is what it was before\n' "$live" "$kept"
  printf 'RESTORED_KEPT=%s\n' "$kept" >>"$RUN_OUT"
  exit 0
fi
needs_tools
tidy() {
  rm -rf -- "$work"
  quietly dropdb --if-exists -- "$scratch" || true
}
trap tidy EXIT
find_backup dump
measure
before=${!mark:-}
IFS=: read -r told_how told_lost told_sum <<<"$before"
if [ -z "$before" ] || [ "$told_how" = "done" ]; then stop "nobody was told what would be lost, so nothing was changed" "$again"; fi
if [ "$told_sum" != "$sum" ]; then stop "this is not the backup that was told about; nothing was changed" "$again"; fi
if [ "$told_how" != "$how" ] || [ "$lost" -gt "$told_lost" ]; then
  stop "more would be lost than was told: $told Told were $told_lost changes, now they are $lost. Nothing was changed" "stop what writes to $live first" "$again"
fi

dump=$source
if [ "$(checksum "$source")" != "$sum" ]; then stop "the backup $source was changed since it was made: its checksum is another; nothing was changed"; fi
if [ -n "$encrypt" ]; then
  dump="$work/dump"
  unlocked "$source" >"$dump"
fi
quietly dropdb --if-exists -- "$scratch"
if [ "$how" = gone ]; then createdb --template=template0 -- "$scratch"; else make_alike; fi
restore_into "$scratch" "$dump"
if grep -q '^rows' "$record" && ! wrong=$(diff <(grep '^rows' "$record" | sort) <(rows "$scratch" | sort)); then
  stop "the tables do not have the rows that they had in the backup; $live is as it was" "$wrong"
fi
# Without statistics the first queries would be planned blindly.
sql --dbname="$scratch" -c 'analyze'
oid=$(lobby -f - <<<"select oid from pg_database where datname = :'scratch'")
printf 'restored beside %s and looked at; now the two change names\n' "$live"
swap
if [ "$(sql -c "select oid from pg_database where datname = current_database()")" != "$oid" ]; then stop "$live is not the database that was restored"; fi
printf 'restored: %s is as it was in the backup\n' "$live"
if [ "$how" != gone ]; then
  printf 'what it was before is %s; when nobody needs it any more: dropdb %s\n' "$kept" "$kept"
  printf 'RESTORED_KEPT=%s\n' "$kept" >>"$RUN_OUT"
fi
