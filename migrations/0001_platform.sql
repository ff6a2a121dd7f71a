-- The platform's own tables: secrets, and the ledger with the guard that no write goes unrecorded.

create schema if not exists platform;

-- AES-256-GCM; the row id is authenticated with it, so that rows cannot be swapped. See src/platform/vault.
create table platform.secret (
  id text primary key,
  nonce bytea not null check (length(nonce) = 12),
  ciphertext bytea not null,
  tag bytea not null check (length(tag) = 16),
  created_at timestamptz not null default now()
);

-- One row: what the vault key makes of a constant. A server with another key must not start, or it would seal secrets
-- that the others cannot open.
create table platform.vault_key (
  id integer primary key check (id = 1),
  mark bytea not null
);

create schema ledger;

-- Insert only. `bytes` is the RFC 8785 JSON that is hashed into the tree; the other columns repeat parts of it so that
-- entries can be found, and are never the truth.
create table ledger.entry (
  seq bigint generated always as identity primary key,
  id text not null unique,
  at timestamptz not null,
  type text not null,
  subject text not null,
  related text[] not null,
  actor_id text not null,
  bytes bytea not null,
  leaf_hash bytea not null unique
);
create index entry_at on ledger.entry (at);
create index entry_type on ledger.entry (type, seq);
create index entry_subject on ledger.entry (subject, seq);
create index entry_related on ledger.entry using gin (related);

-- Committed entries that have no place in the tree yet. The sequencer takes from here.
create table ledger.unsequenced (
  seq bigint primary key references ledger.entry (seq)
);

-- What the running transaction did. Rows live only inside their transaction: the check at commit removes them, so nobody
-- ever sees one, and none survives a crash (hence unlogged). One row a transaction, however much it writes.
create unlogged table ledger.guard (
  xid xid8 primary key,
  wrote text,
  recorded boolean not null default false
);

-- All functions here run with their owner's rights: the application's role can neither read nor write the guard.
create function ledger.on_entry() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if new.leaf_hash <> sha256('\x00'::bytea || new.bytes) then
    raise exception 'ledger entry % has a leaf hash that is not of its bytes', new.id using errcode = 'LE002';
  end if;
  insert into ledger.unsequenced (seq) values (new.seq);
  insert into ledger.guard (xid, recorded) values (pg_current_xact_id(), true)
    on conflict (xid) do update set recorded = true where not guard.recorded;
  return null;
end $$;
create trigger on_entry after insert on ledger.entry for each row execute function ledger.on_entry();

create function ledger.refuse() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception 'ledger entries are never changed or removed (% on %.%)', tg_op, tg_table_schema, tg_table_name
    using errcode = 'LE003';
end $$;
create trigger insert_only before update or delete or truncate on ledger.entry
  for each statement execute function ledger.refuse();

create function ledger.check_guard() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  seen ledger.guard;
begin
  delete from ledger.guard where xid = new.xid returning * into seen;
  if seen.wrote is not null and not seen.recorded then
    raise exception 'a write to % has no ledger entry in its transaction', seen.wrote using errcode = 'LE001';
  end if;
  return null;
end $$;
create constraint trigger check_guard after insert on ledger.guard
  deferrable initially deferred for each row execute function ledger.check_guard();

create function ledger.on_write() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- A statement that touched no row needs no entry. TRUNCATE has no transition table: it always counts.
  if tg_op <> 'TRUNCATE' then
    if not exists (select from changed) then
      return null;
    end if;
  end if;
  insert into ledger.guard (xid, wrote) values (pg_current_xact_id(), tg_table_schema || '.' || tg_table_name)
    on conflict (xid) do update set wrote = excluded.wrote where guard.wrote is null;
  return null;
end $$;

-- From here on a transaction that writes to this table must also append a ledger entry, or its commit is refused.
create function ledger.protect(target regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  execute format('create trigger ledger_insert after insert on %s referencing new table as changed
    for each statement execute function ledger.on_write()', target);
  execute format('create trigger ledger_update after update on %s referencing new table as changed
    for each statement execute function ledger.on_write()', target);
  execute format('create trigger ledger_delete after delete on %s referencing old table as changed
    for each statement execute function ledger.on_write()', target);
  execute format('create trigger ledger_truncate after truncate on %s
    for each statement execute function ledger.on_write()', target);
end $$;
revoke execute on function ledger.protect(regclass) from public;
