alter table enrollment.deployment add column agentless boolean not null default false;

-- Hosts that are looked after over SSH, without an agent: by which login, since when, by whom.
create table enrollment.access (
  host_id text primary key,
  credential_id text not null references enrollment.credential (id),
  since timestamptz not null,
  created_by text not null
);
select ledger.protect('enrollment.access');

-- Observations: how the last looks went and when the next is due. No trail entry.
create table enrollment.access_look (
  host_id text primary key references enrollment.access (host_id) on delete cascade,
  last_ok timestamptz,
  failures integer not null default 0,
  last_error text,
  next_at timestamptz not null
);
create index access_look_due on enrollment.access_look (next_at);
