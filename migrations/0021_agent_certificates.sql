-- Every certificate that an agent's key was given. All that are in time count, so that an answer lost on its way leaves an
-- agent with a certificate that still opens the door; a revoked agent has none that does.
create table enrollment.certificate (
  fingerprint text primary key,
  agent_id text not null references enrollment.agent (id),
  certificate text not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null
);
create index certificate_of_agent on enrollment.certificate (agent_id, issued_at desc);
insert into enrollment.certificate (fingerprint, agent_id, certificate, issued_at, expires_at)
  select fingerprint, id, certificate, enrolled_at, enrolled_at + interval '90 days' from enrollment.agent;
alter table enrollment.agent drop column fingerprint;
select ledger.protect('enrollment.certificate');
