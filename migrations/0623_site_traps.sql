-- Addresses of a site's scan with many ports and not a word: with some of them in one subnet, something answers for it.
create table discovery.site_trap (
  scan_id text not null references discovery.scan (id) on delete cascade,
  subnet text not null,
  address text not null,
  primary key (scan_id, subnet, address)
);
