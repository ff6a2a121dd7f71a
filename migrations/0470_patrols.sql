-- Agents look around in their own subnets, where a scope lets them.
alter table discovery.scope add column agents boolean not null default false;

-- The host whose agent alone has seen this endpoint; null: the server itself has.
alter table discovery.endpoint add column via text;

-- Where agents could look, as they tell with each check-in: candidates for patrols.
create table discovery.agent_subnet (
  agent_id text not null,
  host_id text not null,
  -- the part of the directly attached subnet that the agent is in, at most a /22
  block text not null,
  seen_at timestamptz not null,
  primary key (agent_id, block)
);
create index agent_subnet_by_block on discovery.agent_subnet (block);

create table discovery.patrol (
  id text primary key,
  scope_id text references discovery.scope (id) on delete set null,
  scope_name text not null,
  agent_id text not null,
  host_id text not null references discovery.host (id),
  block text not null,
  -- as ordered: they and the seed give the order of addresses, on both sides
  ranges jsonb not null,
  ports jsonb not null,
  rate integer not null,
  seed bigint not null,
  state text not null check (state in ('ordered', 'running', 'done', 'cancelled', 'declined', 'refused', 'expired')),
  why text not null,
  -- the first window that the agent has not told about
  next_window integer not null default 0,
  counts jsonb not null,
  ordered_at timestamptz not null,
  until timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz,
  error text
);
-- Never two at once in one subnet, nor of one agent.
create unique index patrol_one_a_block on discovery.patrol (block) where state in ('ordered', 'running');
create unique index patrol_one_an_agent on discovery.patrol (agent_id) where state in ('ordered', 'running');
create index patrol_recent on discovery.patrol (block, ordered_at desc);
create index patrol_by_age on discovery.patrol (ordered_at);
