-- What a source tells of a host at an address again and again is one row: told from `at` until another word took its
-- place, or the host left that address. How often, and when last, is counted in `host_source`.
-- Rows that are there already get `-infinity`, which writes none of them; the retention job fills in the moment (see
-- store-told.ts). Until then they count as ended.
alter table discovery.sighting add column until timestamptz default '-infinity';
alter table discovery.sighting alter column until drop default;
create index sighting_told on discovery.sighting (host_id, source, address) where until is null;
create index sighting_to_fill on discovery.sighting (host_id) where until = '-infinity';

-- The two rows of a host that every sighting touches: room in the page for the next version, so that no index is touched.
alter table discovery.presence set (fillfactor = 50);
alter table discovery.host_source set (fillfactor = 50);

-- Is another present host called that? Asked for each host that is found or moves.
create index host_by_name on discovery.host (name) where superseded_by is null;
