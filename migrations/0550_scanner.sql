-- What one /24 (IPv6: /64) gets of a scope's rate, at most.
alter table discovery.scope add column subnet_rate integer not null default 500 check (subnet_rate > 0);
alter table discovery.scan add column subnet_rate integer not null default 500 check (subnet_rate > 0);
-- How fast a scan goes, and why: {asked, now, why, done}.
alter table discovery.scan add column pace jsonb;
