-- Whom we tell what happens: hooks, chats and mailboxes.
create table trail.notifier (
  id text primary key,
  name text not null unique,
  kind text not null check (kind in ('webhook', 'chat', 'email')),
  settings jsonb not null,
  -- one JSON object of all its secrets, in the vault
  secret_id text,
  -- what it is told of
  topics jsonb not null,
  -- seconds that news is gathered for at most, so that much of it becomes one message
  gather integer not null check (gather >= 0),
  created_at timestamptz not null,
  created_by text not null
);
select ledger.protect('trail.notifier');

-- How far each has read the trail, and the one message that is on its way; changes with each, so it is beside the
-- notifier and needs no entry.
create table trail.notifier_state (
  notifier_id text primary key references trail.notifier (id) on delete cascade,
  -- index of the first entry that no message was made of
  cursor bigint not null,
  -- made and not yet accepted by the other side: sent again as it is, with the same id
  pending jsonb,
  attempts integer not null default 0,
  -- whoever sends moves this ahead first, so that nobody else does
  next_try_at timestamptz,
  sent bigint not null default 0,
  last_sent_at timestamptz,
  last_error text
);
