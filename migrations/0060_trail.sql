create schema trail;

-- The tree's order: which ledger entry is leaf number `index`. Gap-free, assigned to committed entries only.
create table trail.leaf (
  index bigint primary key check (index >= 0),
  seq bigint not null unique,
  entry_id text not null unique
);

-- Hashes of complete subtrees (RFC 6962). Level 0 are the leaves. Every node is written once, when it becomes complete.
create table trail.node (
  level smallint not null,
  index bigint not null,
  hash bytea not null check (length(hash) = 32),
  primary key (level, index)
);

-- Signed tree heads, one for each size at which the sequencer stopped.
create table trail.checkpoint (
  size bigint primary key,
  root bytea not null check (length(root) = 32),
  text text not null,
  at timestamptz not null
);

-- One row: the key that signs checkpoints; its private part lies in the vault.
create table trail.key (
  id integer primary key check (id = 1),
  name text not null,
  public_key bytea not null check (length(public_key) = 32),
  secret_id text not null,
  created_at timestamptz not null
);

-- Documents that were written to files, as they were last rendered.
create table trail.document (
  kind text not null,
  id text not null,
  title text not null,
  at timestamptz not null,
  entries integer not null,
  files jsonb not null,
  primary key (kind, id)
);

create function trail.refuse() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception 'the tree only grows (% on %.%)', tg_op, tg_table_schema, tg_table_name using errcode = 'LE003';
end $$;
create trigger grow_only before update or delete or truncate on trail.leaf
  for each statement execute function trail.refuse();
create trigger grow_only before update or delete or truncate on trail.node
  for each statement execute function trail.refuse();
create trigger grow_only before update or delete or truncate on trail.checkpoint
  for each statement execute function trail.refuse();

select ledger.protect('trail.key');
select ledger.protect('trail.document');
