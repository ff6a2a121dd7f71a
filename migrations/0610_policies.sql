-- What hosts are held to, and which hosts: by whoever may operate, each change on the trail.
create table audit.profile (
  name text primary key,
  body jsonb not null
);
create table audit.policy (
  name text primary key,
  profile text not null references audit.profile (name),
  -- tag expression: src/model/tag-expression.ts
  hosts text not null
);
select ledger.protect('audit.profile');
select ledger.protect('audit.policy');

-- A check that no longer applies closes its findings without proof: that is never called fixed.
alter table audit.finding drop constraint finding_state_check;
alter table audit.finding add constraint finding_state_check
  check (state in ('open', 'excepted', 'planned', 'fixed', 'rekindled', 'not-applicable'));
alter table audit.finding add column close_reason text;
-- since when the time to end it runs, where that is not since it was opened: it came back, or applies again
alter table audit.finding add column clock_at timestamptz;
drop index audit.finding_burning;
create index finding_burning on audit.finding (kit, check_id) where state not in ('fixed', 'not-applicable');

-- Days that there are to end it, by the policies that held at the last look; null: nobody set any.
alter table audit.finding_look add column sla_days integer;
