-- A digest of what a sighting says: whether a source repeats itself is told by it, without reading what was said. A
-- sighting without one (from before) is compared by its content, and gets it when it is repeated.
alter table discovery.sighting add column word text;
