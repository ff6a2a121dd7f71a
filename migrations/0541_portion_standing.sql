-- What else stands of a portion: how many open ports were told of it, when it last got on, and which of its addresses
-- one of its scanners might not touch.
alter table discovery.portion add column told integer not null default 0;
alter table discovery.portion add column moved_at timestamptz;
alter table discovery.portion add column not_looked jsonb not null default '[]';
