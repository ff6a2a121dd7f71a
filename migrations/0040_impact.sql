create schema impact;

-- Who talks to whom, as agents saw it. Observations: no trail entry. `client_unit` null: only the server saw it.
create table impact.dependency (
  id text primary key,
  client_host_id text not null,
  client_unit text,
  server_host_id text not null,
  server_unit text,
  address text not null,
  port integer not null,
  connections integer not null,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  unique nulls not distinct (client_host_id, client_unit, server_host_id, address, port)
);
create index dependency_server on impact.dependency (server_host_id);

-- Accepted risk with an end. Which findings it covers is written on the findings.
create table impact.exception (
  id text primary key,
  match jsonb not null,
  reason text not null,
  owner text not null,
  control text,
  expires_at timestamptz not null,
  created_at timestamptz not null,
  created_by text not null,
  ended_at timestamptz,
  end_reason text
);
create index exception_active on impact.exception (expires_at) where ended_at is null;

select ledger.protect('impact.exception');
