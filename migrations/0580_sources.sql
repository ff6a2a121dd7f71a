-- Whom we ask about machines besides looking ourselves: clouds, leases, zones, lists.
create table discovery.source (
  id text primary key,
  name text not null unique,
  kind text not null,
  settings jsonb not null,
  -- one JSON object of all its secrets, in the vault
  secret_id text,
  secret_names jsonb not null,
  every text,
  created_at timestamptz not null,
  created_by text not null
);
select ledger.protect('discovery.source');

-- How the last runs went; changes with each run, so it is beside the source and needs no entry.
create table discovery.source_run (
  source_id text primary key references discovery.source (id) on delete cascade,
  -- null: none is under way
  running_since timestamptz,
  last_run_at timestamptz,
  last_ok_at timestamptz,
  last_error text,
  counts jsonb
);

-- What a merge moved, so that it can be taken back.
create table discovery.merge (
  id text primary key,
  at timestamptz not null,
  from_id text not null references discovery.host (id),
  into_id text not null references discovery.host (id),
  why text not null,
  -- what the two were before: notes, addresses with how they were known, identifiers that only one had, endpoints
  moved jsonb not null,
  undone_at timestamptz
);
create index merge_by_into on discovery.merge (into_id, at desc) where undone_at is null;

-- Two records that a person said are two machines: nothing merges them again by itself.
create table discovery.apart (
  one_id text not null references discovery.host (id),
  other_id text not null references discovery.host (id),
  at timestamptz not null,
  primary key (one_id, other_id),
  check (one_id < other_id)
);
