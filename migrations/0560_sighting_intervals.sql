-- What a source tells of a host at an address again and again is one row: told from `at` until another word took its
-- place, or the host left that address. How often, and when last, is counted in `host_source`.
alter table discovery.sighting add column until timestamptz;
update discovery.sighting s set until = n.at
  from (select id, lead(at) over (partition by host_id, source, address, via order by id) as at from discovery.sighting) n
  where n.id = s.id and n.at is not null;
create index sighting_told on discovery.sighting (host_id, source, address) where until is null;

-- The two rows of a host that every sighting touches: room in the page for the next version, so that no index is touched.
alter table discovery.presence set (fillfactor = 50);
alter table discovery.host_source set (fillfactor = 50);

-- Is another present host called that? Asked for each host that is found or moves.
create index host_by_name on discovery.host (name) where superseded_by is null;
