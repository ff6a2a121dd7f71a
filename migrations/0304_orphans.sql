-- Observations: processes that run replaced files of which no package is known any more, and what they used before. The
-- lists of packages name the new files only. No trail entry.
create table audit.orphan (
  host_id text not null,
  pid integer not null,
  started_at text not null,
  packages text[] not null,
  primary key (host_id, pid, started_at)
);
