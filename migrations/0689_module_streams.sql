-- The stream of a module that a package was built for, by rpm's own label (`php:7.4`); null: of none, or nobody asked.
alter table audit.package add column stream text;
