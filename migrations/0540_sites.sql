-- Where a scope is looked at from. `local`: this server and its workers; another name: the scanners of that site.
alter table discovery.scope add column site text not null default 'local';
alter table discovery.scan add column site text not null default 'local';
-- In which address space an address is one machine's: private addresses are another machine's at another site.
alter table discovery.address add column site text not null default 'local';
drop index discovery.address_one_holder;
create unique index address_one_holder on discovery.address (site, address) where current and how = 'measured';

-- Scanners at remote sites, as discovery hears of them; who they are by their key stands in enrollment.scanner.
create table discovery.scanner (
  id text primary key,
  site text not null,
  name text not null,
  version text not null,
  path text,
  added_at timestamptz not null,
  last_seen timestamptz,
  -- since when it has been heard of without a gap
  live_since timestamptz,
  revoked_at timestamptz,
  refusals integer not null default 0,
  refused_why text,
  -- until then it gets no work
  refused_until timestamptz
);
create index scanner_of_site on discovery.scanner (site) where revoked_at is null;

-- Windows of a scan at a site that were begun and are not done. A lease without a sign of life ends, and whoever takes the
-- portion goes on at `cursor`, with what is open and was not read yet.
create table discovery.portion (
  scan_id text not null references discovery.scan (id) on delete cascade,
  window_index bigint not null,
  scanner_id text references discovery.scanner (id),
  lease text,
  lease_until timestamptz,
  -- the last report of this lease that was taken
  seq integer not null default 0,
  cursor integer not null default 0,
  open jsonb not null default '[]',
  primary key (scan_id, window_index)
);

-- A token that enrolls scanners of a site, and nothing else.
alter table enrollment.token add column site text;
create table enrollment.scanner (
  id text primary key,
  site text not null,
  name text not null,
  public_key text not null unique,
  state text not null check (state in ('active', 'revoked')),
  token_id text not null references enrollment.token (id),
  enrolled_at timestamptz not null
);
create table enrollment.scanner_certificate (
  fingerprint text primary key,
  scanner_id text not null references enrollment.scanner (id),
  certificate text not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null
);
create index certificate_of_scanner on enrollment.scanner_certificate (scanner_id, issued_at desc);
select ledger.protect('enrollment.scanner');
select ledger.protect('enrollment.scanner_certificate');
