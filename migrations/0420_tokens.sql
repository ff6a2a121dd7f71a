-- A token may be good for several hosts, for a network only, and may give its hosts tags. Revoked, it is good for nothing.
alter table enrollment.token
  add column uses integer not null default 1 check (uses > 0),
  add column used integer,
  add column bound_to text,
  add column tags jsonb not null default '{}',
  add column revoked_at timestamptz;
-- Filled by a rewrite: the guard of the trail lets no update pass that has no entry.
alter table enrollment.token alter column used type integer using (case when used_at is null then 0 else 1 end);
alter table enrollment.token alter column used set not null, alter column used set default 0;
create index agent_of_token on enrollment.agent (token_id, public_key);
