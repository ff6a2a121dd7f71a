-- Which hosts have a snap called like a package that an advisory is about: hosts may all have other snaps than each other.
create index section_snaps on audit.section_content using gin (data jsonb_path_ops) where name = 'snaps';
