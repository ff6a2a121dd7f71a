-- Addresses that a host's agent reported and that are still to be looked at. A job carries the host's id only: a waiting
-- one that is joined by the next report finds everything here.
create table discovery.to_follow (
  host_id text not null references discovery.host (id),
  address text not null,
  reported_at timestamptz not null,
  -- somebody began to look and has not come to an end
  begun boolean not null default false,
  primary key (host_id, address)
);

-- The last scan of a scope tells where its names point: asked again all the time while something runs.
create index scan_latest_of_scope on discovery.scan (scope_id, created_at desc);
-- What is old is removed: found by its age.
create index sighting_by_age on discovery.sighting (at);
create index endpoint_history_by_age on discovery.endpoint_history (at);
