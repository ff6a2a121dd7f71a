-- A file that somebody handed over to a source and that is still to be read: in the vault, for an inventory may hold
-- passwords. One a source; whoever has read it, or could not, takes it away.
create table discovery.source_push (
  source_id text primary key references discovery.source (id) on delete cascade,
  secret_id text not null,
  pushed_at timestamptz not null,
  -- who handed it over, for the entries that it causes
  actor jsonb not null
);
