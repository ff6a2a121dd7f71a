-- A deployment may have to be approved, may have a time, goes in waves, and may have been asked for by a rule.
alter table enrollment.deployment drop constraint deployment_state_check;
alter table enrollment.deployment
  add constraint deployment_state_check check (state in ('awaiting-approval', 'scheduled', 'running', 'done', 'cancelled')),
  add column author text not null default '',
  add column rule_id text,
  add column forced boolean not null default false,
  add column accept_host_key boolean not null default false,
  add column concurrency integer not null default 4,
  add column max_failed integer not null default 2,
  add column not_before timestamptz,
  add column not_after timestamptz,
  -- canonical text of what is signed, and its SHA-256
  add column plan text,
  add column plan_digest text,
  add column approvals_required integer not null default 0,
  add column why text;
alter table enrollment.deployment_host drop constraint deployment_host_state_check;
alter table enrollment.deployment_host
  add constraint deployment_host_state_check check (state in ('waiting', 'running', 'done', 'failed', 'stopped')),
  add column wave integer not null default 0,
  -- something was written to the host before it failed
  add column touched boolean not null default false;
-- Whoever carries it out says so again and again: a second one would double the pace.
create table enrollment.deployment_run (
  deployment_id text primary key references enrollment.deployment (id),
  held_until timestamptz not null
);
-- Two deployments are never at one host at once. Those that were begun are begun anew.
update enrollment.deployment_host set state = 'waiting', claimed_until = null where state = 'running';
create unique index deployment_host_one_at_a_time on enrollment.deployment_host (host_id) where state = 'running';
create index deployment_open on enrollment.deployment (state) where state in ('awaiting-approval', 'scheduled', 'running');
create index deployment_host_by_host on enrollment.deployment_host (host_id);

-- "New server in segment X: deploy." `plan` is what an approver signs.
create table enrollment.deploy_rule (
  id text primary key,
  name text not null,
  state text not null check (state in ('awaiting-approval', 'in-force', 'ended')),
  author text not null,
  created_by text not null,
  created_at timestamptz not null,
  not_after timestamptz not null,
  plan text not null,
  plan_digest text not null
);
create unique index deploy_rule_name on enrollment.deploy_rule (name) where state <> 'ended';

-- Signatures over the plan of a deployment or of a rule.
create table enrollment.approval (
  subject_id text not null,
  digest text not null,
  key_id text not null,
  person text not null,
  name text not null,
  approval jsonb not null,
  given_at timestamptz not null,
  primary key (digest, person)
);

select ledger.protect('enrollment.deploy_rule');
select ledger.protect('enrollment.approval');

-- A login whose key an ssh-agent on the server's machine holds: there is no secret of it here.
alter table enrollment.credential drop constraint credential_kind_check;
alter table enrollment.credential
  alter column secret_id drop not null,
  add column socket text,
  add constraint credential_kind_check check (kind in ('password', 'private-key', 'ssh-agent')),
  add constraint credential_has_its_secret check ((kind = 'ssh-agent') = (secret_id is null) and (kind = 'ssh-agent') = (socket is not null));
