-- The same checks, once a statement: mass arrivals append thousands of entries in one.
create function ledger.on_entries() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wrong text;
begin
  select id into wrong from added where leaf_hash <> sha256('\x00'::bytea || bytes) limit 1;
  if wrong is not null then
    raise exception 'ledger entry % has a leaf hash that is not of its bytes', wrong using errcode = 'LE002';
  end if;
  insert into ledger.unsequenced (seq) select seq from added order by seq;
  if found then
    insert into ledger.guard (xid, recorded) values (pg_current_xact_id(), true)
      on conflict (xid) do update set recorded = true where not guard.recorded;
  end if;
  return null;
end $$;
drop trigger on_entry on ledger.entry;
create trigger on_entry after insert on ledger.entry referencing new table as added
  for each statement execute function ledger.on_entries();
drop function ledger.on_entry();
