-- Packages whose listeners a look from outside found open, each as package TAB site, and when the last of them was seen so.
alter table audit.host_system add column reached text[] not null default '{}';
alter table audit.host_system add column reached_at timestamptz;
alter table audit.vulnerability add column reached integer not null default 0;
alter table audit.vulnerability add column reached_from text[] not null default '{}';
alter table audit.vulnerability add column reached_at timestamptz;
