-- Who is no longer where it was measured, or is another record now: one row a change, by whatever path it comes. Whoever
-- told repeats apart a moment ago need look again at these hosts only. What is news to whom is told by transactions: numbers
-- are given out before anything is seen.
create table discovery.departure (
  xid xid8 not null default pg_current_xact_id(),
  host_id text not null,
  at timestamptz not null default now()
);
create index departure_by_xid on discovery.departure (xid);

create function discovery.note_departure() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  insert into discovery.departure (host_id)
  values (case tg_table_name when 'host' then to_jsonb(new) ->> 'id' else to_jsonb(new) ->> 'host_id' end);
  return null;
end $$;
create trigger note_departure after update of current, how, site on discovery.address for each row
  when (old.current and old.how = 'measured' and (not new.current or new.how <> 'measured' or new.site <> old.site))
  execute function discovery.note_departure();
create trigger note_departure after update of superseded_by on discovery.host for each row
  when (old.superseded_by is null and new.superseded_by is not null)
  execute function discovery.note_departure();
