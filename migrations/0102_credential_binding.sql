-- Where a login may be used: addresses and ranges, hosts by id, tags as key=value. Empty: anywhere it is named for.
alter table enrollment.credential add column bound_to jsonb not null default '[]';
