-- Programs that agents can be given, as they were built.
create table enrollment.program (
  digest text primary key,
  version text not null,
  size integer not null,
  packed bytea not null,
  stored_at timestamptz not null
);

-- `release`: the document that approvers sign, as text; `digest`: of that text.
create table enrollment.agent_update (
  id text primary key,
  state text not null check (state in ('awaiting-approval', 'running', 'done', 'stopped', 'cancelled')),
  author text not null,
  author_name text not null,
  version text not null,
  program text not null references enrollment.program (digest),
  release text not null,
  digest text not null,
  approvals_required integer not null,
  why text,
  created_at timestamptz not null,
  finished_at timestamptz
);
create table enrollment.agent_update_approval (
  update_id text not null references enrollment.agent_update (id),
  person text not null,
  person_name text not null,
  approval jsonb not null,
  approved_at timestamptz not null,
  primary key (update_id, person)
);
-- State of each host; what it means is on the trail once, with the update.
create table enrollment.agent_update_host (
  update_id text not null references enrollment.agent_update (id),
  agent_id text not null references enrollment.agent (id),
  host_id text not null,
  host_name text not null,
  wave integer not null,
  state text not null check (state in ('waiting', 'offered', 'done', 'failed')),
  why text,
  offered_at timestamptz,
  finished_at timestamptz,
  primary key (update_id, agent_id)
);
create index agent_update_offered on enrollment.agent_update_host (agent_id) where state = 'offered';

alter table enrollment.presence add column program text;

select ledger.protect('enrollment.program');
select ledger.protect('enrollment.agent_update');
select ledger.protect('enrollment.agent_update_approval');
