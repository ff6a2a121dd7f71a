-- What one /24 (IPv6: /64) gets of a scope's rate, at most.
alter table discovery.scope add column subnet_rate integer not null default 500 check (subnet_rate > 0);
alter table discovery.scan add column subnet_rate integer not null default 500 check (subnet_rate > 0);
-- How fast a scan goes, and why: {asked, now, why, done}.
alter table discovery.scan add column pace jsonb;

-- When nothing in a scope is scanned, and how often all of it is walked instead of what is known in it.
alter table discovery.scope add column blackouts jsonb not null default '[]';
alter table discovery.scope add column full_every integer check (full_every > 0);
alter table discovery.scan add column kind text not null default 'full' check (kind in ('full', 'known'));
-- A blackout is on: the scope whose it is, and its end.
alter table discovery.scan add column waits_until timestamptz;
alter table discovery.scan add column waits_for text;
-- The addresses that a scan of kind `known` walks, as they were when it was made: its order depends on them.
create table discovery.scan_known (
  scan_id text primary key references discovery.scan (id) on delete cascade,
  ranges jsonb not null
);
