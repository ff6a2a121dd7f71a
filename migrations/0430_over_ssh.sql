-- Changes over SSH. An access has an id that plans name; approvers' keys and the trail's key are pinned to it when it is
-- granted, as agents pin them. What was granted before has none, and carries out nothing until it is granted anew.
alter table enrollment.access
  add column id text not null default 'access_' || replace(gen_random_uuid()::text, '-', ''),
  add column approver_keys jsonb not null default '[]',
  add column checkpoint_key text;
alter table enrollment.access alter column id drop default, alter column approver_keys drop default;
create unique index access_id on enrollment.access (id);

-- Claims name their holder. `changing_until`: a leg of a change may be under way there, so nobody looks meanwhile.
alter table enrollment.access_look add column claimed_by text, add column changing_until timestamptz;

-- Tasks that the server carries out over SSH; `note`: why that did not go on, last; `settle_after`: what only an undo
-- would need has still to be removed from the host, from then on.
alter table change.task
  add column over text check (over in ('ssh')),
  add column note text,
  add column settle_after timestamptz;
create index task_settle on change.task (settle_after) where settle_after is not null;
