-- The functions of the guard run with their owner's rights. Whoever may execute one can hang it on a table of its own and
-- so forge its notes: nobody may, and each looks at which table it was called for.
revoke execute on all functions in schema ledger from public;

create or replace function ledger.on_entries() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wrong text;
begin
  if tg_relid <> 'ledger.entry'::regclass then
    raise exception 'ledger.on_entries belongs to ledger.entry, not to %.%', tg_table_schema, tg_table_name
      using errcode = 'LE004';
  end if;
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

create or replace function ledger.check_guard() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  seen ledger.guard;
begin
  if tg_relid <> 'ledger.guard'::regclass then
    raise exception 'ledger.check_guard belongs to ledger.guard, not to %.%', tg_table_schema, tg_table_name
      using errcode = 'LE004';
  end if;
  delete from ledger.guard where xid = new.xid returning * into seen;
  if seen.wrote is not null and not seen.recorded then
    raise exception 'a write to % has no ledger entry in its transaction', seen.wrote using errcode = 'LE001';
  end if;
  return null;
end $$;
