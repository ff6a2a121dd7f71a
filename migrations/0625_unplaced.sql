-- Machines that a source tells of without an address: on a bill, in an inventory. Of the last run that ended well; they
-- change with each, so they are beside the source and need no entry.
create table discovery.unplaced (
  source_id text not null references discovery.source (id) on delete cascade,
  record text not null,
  name text,
  -- `kind:value`
  identifiers text[] not null,
  what text,
  since timestamptz not null,
  primary key (source_id, record)
);
