create schema enrollment;

-- How we log in to hosts that carry no agent yet. The secret itself lies in the vault; only its id is here.
create table enrollment.credential (
  id text primary key,
  name text not null unique,
  username text not null,
  kind text not null check (kind in ('password', 'private-key')),
  secret_id text not null,
  passphrase_id text,
  created_at timestamptz not null,
  created_by text not null
);

-- Server keys as they were when we first logged in. A different key later stops with an error.
create table enrollment.host_key (
  address text not null,
  port integer not null,
  fingerprint text not null,
  pinned_at timestamptz not null,
  primary key (address, port)
);

-- Single use, expiring; only the SHA-256 is kept. `used_by` is the public key that used it: the same agent may ask
-- again with the same key when it never saw our reply.
create table enrollment.token (
  id text primary key,
  hash text not null unique,
  host_id text,
  expires_at timestamptz not null,
  used_at timestamptz,
  used_by text,
  created_at timestamptz not null,
  created_by text not null
);

create table enrollment.agent (
  id text primary key,
  host_id text not null,
  public_key text not null,
  fingerprint text not null unique,
  certificate text not null,
  state text not null check (state in ('active', 'revoked', 'lost')),
  approver_key_ids jsonb not null,
  enrolled_at timestamptz not null,
  token_id text not null references enrollment.token (id)
);
create unique index agent_one_active_per_host on enrollment.agent (host_id) where state <> 'revoked';

-- Observations: written at every check-in, no trail entry.
create table enrollment.presence (
  agent_id text primary key references enrollment.agent (id),
  last_check_in timestamptz not null,
  version text not null,
  boot_id text,
  started_at text
);

create table enrollment.deployment (
  id text primary key,
  state text not null check (state in ('running', 'done')),
  created_at timestamptz not null,
  finished_at timestamptz,
  created_by text not null,
  credential_ids jsonb not null
);
create table enrollment.deployment_host (
  deployment_id text not null references enrollment.deployment (id),
  host_id text not null,
  host_name text not null,
  state text not null check (state in ('waiting', 'running', 'done', 'failed')),
  why text,
  credential text,
  started_at timestamptz,
  finished_at timestamptz,
  primary key (deployment_id, host_id)
);

-- One row: the authority that signs agents' and the listener's certificates.
create table enrollment.authority (
  id integer primary key check (id = 1),
  certificate text not null,
  secret_id text not null,
  created_at timestamptz not null
);

select ledger.protect('enrollment.credential');
select ledger.protect('enrollment.token');
select ledger.protect('enrollment.agent');
select ledger.protect('enrollment.deployment');
select ledger.protect('enrollment.authority');
