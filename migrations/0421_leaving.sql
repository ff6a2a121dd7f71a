-- What is wrong with an agent, in words; who ordered that it goes; whether two machines used it.
alter table enrollment.agent
  add column problem text,
  add column leave_ordered_at timestamptz,
  add column leave_ordered_by text,
  add column doubled_at timestamptz;
-- Observation: it said that it stops, and why. The next check-in takes it back.
alter table enrollment.presence
  add column stopped_at timestamptz,
  add column stopped_why text,
  add column stopping_machine boolean not null default false;

-- Observations: boots that agents checked in from. An identity that goes back and forth between two is used twice.
create table enrollment.boot (
  agent_id text not null references enrollment.agent (id),
  boot_id text not null,
  address text not null,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  -- how often it came back after another boot had been seen
  returns integer not null default 0,
  primary key (agent_id, boot_id)
);
