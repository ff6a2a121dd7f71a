create schema change;

create table change.change (
  id text primary key,
  title text not null,
  reason text not null,
  kit text not null,
  state text not null check (state in ('draft', 'planned', 'awaiting-approval', 'scheduled', 'running', 'paused',
    'verifying', 'closed', 'failed', 'rolled-back', 'cancelled')),
  -- where a paused change goes on
  paused_from text check (paused_from in ('running', 'verifying')),
  -- the rollout is being undone, and why
  stopping text,
  author text not null,
  author_name text not null,
  -- what was asked for, to plan again from
  asked jsonb not null,
  findings jsonb not null,
  -- hosts and listeners that the plan leaves out, each with the reason
  left_out jsonb not null,
  plan_digest text,
  -- waves that have ended, from the first on
  waves_done integer not null default 0,
  observed jsonb,
  why text,
  start_at timestamptz,
  -- what verification waits for; null until it begins
  verification jsonb,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index change_active on change.change (state) where state in ('scheduled', 'running', 'verifying');

-- Plans are never changed: planning again adds one. `text` is the canonical JSON exactly as hashed.
create table change.plan (
  digest text primary key check (digest = encode(sha256(convert_to(text, 'UTF8')), 'hex')),
  change_id text not null references change.change (id),
  text text not null,
  made_at timestamptz not null
);
alter table change.change add foreign key (plan_digest) references change.plan (digest);

create table change.approval (
  digest text not null references change.plan (digest),
  key_id text not null,
  person text not null,
  statement jsonb not null,
  signature text not null,
  approved_at timestamptz not null,
  primary key (digest, key_id),
  unique (digest, person)
);

create table change.task (
  id text primary key,
  digest text not null references change.plan (digest),
  change_id text not null references change.change (id),
  wave integer not null,
  place integer not null,
  host_id text not null,
  agent_id text not null,
  state text not null check (state in ('waiting', 'running', 'done', 'failed', 'rolling-back', 'rolled-back', 'skipped')),
  error text,
  -- end of the last leg that its agent was handed: until outcomes reach it, the agent is at work
  handed integer not null default 0,
  -- its undo failed or was refused: not tried again by itself
  stuck boolean not null default false,
  -- when it last moved: an agent that is never heard of again must not hold a rollout for ever
  moved_at timestamptz not null
);
create index task_change on change.task (digest, wave, place);
create index task_agent on change.task (agent_id) where state in ('running', 'rolling-back');

-- One row a step and phase, whoever did it; a second report of the same is dropped. `signature`: the host's.
create table change.outcome (
  task_id text not null references change.task (id),
  index integer not null,
  phase text not null check (phase in ('apply', 'undo')),
  digest text not null,
  outcome jsonb not null,
  agent_id text,
  signature text,
  stored_at timestamptz not null,
  primary key (task_id, index, phase),
  check ((agent_id is null) = (signature is null))
);

-- The server's own steps: the row is there before the call goes out, so that after a crash we know that it may have.
create table change.attempt (
  task_id text not null references change.task (id),
  index integer not null,
  began_at timestamptz not null,
  attempts integer not null,
  -- somebody works on it until then
  leased_until timestamptz not null,
  note text,
  primary key (task_id, index)
);

-- Certificates issued for a task; public, handed to the host with its next leg.
create table change.chain (
  task_id text not null references change.task (id),
  index integer not null,
  chain text not null,
  primary key (task_id, index)
);

create table change.authority (
  id text primary key,
  name text not null unique,
  kind text not null,
  url text not null,
  provisioner text not null,
  -- trust for its HTTPS; null for http on this machine
  root text,
  -- certificates whose signature means that this authority issued something
  issuers jsonb not null,
  secret_id text not null,
  created_at timestamptz not null,
  created_by text not null
);

-- What we know of burnt certificates' revocation. Observations: what was done stands on the trail.
create table change.revocation (
  issuer text not null,
  serial text not null,
  -- we asked the authority, and it said done
  asked_at timestamptz,
  -- a signed revocation list held it
  seen_at timestamptz,
  primary key (issuer, serial)
);

create table change.campaign (
  kit text primary key,
  state text not null check (state in ('burning', 'out', 'rekindled')),
  opened_at timestamptz not null,
  out_at timestamptz
);

select ledger.protect('change.change');
select ledger.protect('change.plan');
select ledger.protect('change.approval');
select ledger.protect('change.outcome');
select ledger.protect('change.authority');
select ledger.protect('change.campaign');
