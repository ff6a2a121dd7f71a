create schema discovery;

create table discovery.scope (
  id text primary key,
  name text not null unique,
  cidrs jsonb not null,
  exclude jsonb not null,
  follow jsonb not null,
  ports text not null,
  rate integer not null check (rate > 0),
  every text,
  created_at timestamptz not null
);

-- Bookkeeping of a running scan: what it changes is on the trail, its progress is not.
create table discovery.scan (
  id text primary key,
  scope_id text references discovery.scope (id) on delete set null,
  scope_name text,
  targets jsonb not null,
  -- addresses that the names among the targets had when the scan was made: the order depends on them
  resolved jsonb not null,
  exclude jsonb not null,
  ports text not null,
  rate integer not null,
  confirm_wide boolean not null,
  state text not null check (state in ('queued', 'running', 'paused', 'done', 'cancelled', 'failed')),
  -- the order of the scan: the same seed gives the same order again, so that it can resume
  seed bigint not null,
  -- windows finished, and pairs tried within the current one
  window_index bigint not null default 0,
  cursor bigint not null default 0,
  counts jsonb not null,
  -- whoever runs it holds this; a runner that lost it stops
  runner text,
  beat_at timestamptz,
  -- who asked, for the entries that the scan writes
  actor jsonb not null,
  created_at timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz,
  error text
);
-- Never two scans of one scope at once.
create unique index scan_one_active_per_scope on discovery.scan (scope_id) where state in ('queued', 'running', 'paused');
create index scan_recent on discovery.scan (created_at);

-- Open ports of the window that is being scanned; survives a crash together with the cursor.
create table discovery.scan_open (
  scan_id text not null references discovery.scan (id) on delete cascade,
  address text not null,
  port integer not null,
  primary key (scan_id, address, port)
);

create table discovery.host (
  id text primary key,
  name text not null,
  -- what the name rests on: 0 address, 1 certificate, 2 imported list, 3 the host itself
  name_rank integer not null,
  claim text not null check (claim in ('unknown', 'known', 'ignored')),
  discovered_as text not null check (discovered_as in ('unknown', 'known', 'ignored')),
  management text not null check (management in ('unmanaged', 'managed', 'lost', 'unmanageable')),
  tags jsonb not null,
  owner text,
  guess text,
  agent_id text,
  agent_version text,
  note text,
  -- another record took this one's place: re-imaged, or merged into it
  superseded_by text references discovery.host (id),
  first_seen timestamptz not null
);

-- Everything below is observed: written at each look, without an entry.
create table discovery.presence (
  host_id text primary key references discovery.host (id),
  last_seen timestamptz not null,
  offline_since timestamptz,
  -- scan that counted it last, so that a resumed scan counts nothing twice
  counted_in text
);

create table discovery.address (
  host_id text not null references discovery.host (id),
  address text not null,
  -- measured: something answered there; claimed: the host or a list says so
  how text not null check (how in ('measured', 'claimed')),
  -- false: the host was there once
  current boolean not null,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  primary key (host_id, address)
);
create unique index address_one_holder on discovery.address (address) where current and how = 'measured';
create index address_by_address on discovery.address (address);

create table discovery.identifier (
  host_id text not null references discovery.host (id),
  kind text not null,
  value text not null,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  primary key (host_id, kind, value)
);
create index identifier_by_value on discovery.identifier (kind, value);

create table discovery.sighting (
  id bigint generated always as identity primary key,
  host_id text references discovery.host (id),
  source text not null,
  address text not null,
  at timestamptz not null,
  via text,
  hostname text,
  identifiers jsonb not null,
  evidence jsonb
);
create index sighting_by_host on discovery.sighting (host_id, at);

create table discovery.host_source (
  host_id text not null references discovery.host (id),
  source text not null,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  sightings bigint not null,
  primary key (host_id, source)
);

-- Why a sighting is this host: every decision that was more than "seen again".
create table discovery.decision (
  id bigint generated always as identity primary key,
  host_id text not null references discovery.host (id),
  at timestamptz not null,
  kind text not null,
  address text not null,
  why text not null
);
create index decision_by_host on discovery.decision (host_id, id);

create table discovery.endpoint (
  id text primary key,
  host_id text not null references discovery.host (id),
  address text not null,
  port integer not null,
  service text not null,
  probe jsonb,
  probed_at timestamptz,
  last_error text,
  state text not null check (state in ('open', 'gone')),
  -- consecutive looks that found it closed, and when the first of them was
  misses integer not null default 0,
  missed_since timestamptz,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  unique (host_id, address, port)
);
create index endpoint_by_address on discovery.endpoint (address, port);

create table discovery.endpoint_history (
  id bigint generated always as identity primary key,
  endpoint_id text not null references discovery.endpoint (id),
  at timestamptz not null,
  probe jsonb not null
);
create index endpoint_history_by_endpoint on discovery.endpoint_history (endpoint_id, id);

-- Addresses that agents reported and we looked at, so that each connection table does not start the same look again.
create table discovery.followed (
  address text primary key,
  via text not null,
  at timestamptz not null
);

select ledger.protect('discovery.scope');
select ledger.protect('discovery.host');
