-- One row for each distinct installed package, however many hosts have it: what a statement of a feed can tell apart.
create table audit.package (
  id integer generated always as identity primary key,
  -- SHA-256 of all that follows
  digest text not null unique,
  ecosystem text not null,
  release text,
  name text not null,
  version text not null,
  source text not null,
  source_version text not null,
  -- from elsewhere than the distribution
  is_foreign boolean not null,
  -- a library that a program brings along
  is_library boolean not null,
  -- empty: no kernel; `runs`, `beside` one that runs; `?…`: what runs is of no package
  kernel text not null,
  -- by which names statements about sources and about binary packages are asked
  as_source text not null,
  as_binary text not null
);
create index package_by_source on audit.package (as_source, ecosystem);
create index package_by_binary on audit.package (as_binary, ecosystem);

-- One row for each distinct list of them. Out of line, so that asking who has a package does not read the lists.
create table audit.package_list (
  id integer generated always as identity primary key,
  -- SHA-256 of section, hash, release and running kernel
  key text not null unique,
  section text not null,
  hash text not null,
  packages integer[] not null
) with (toast_tuple_target = 128);
-- Without a list of what is pending: each question would have to go through it.
create index package_list_packages on audit.package_list using gin (packages) with (fastupdate = off);

-- Which list a host had from when to when; null: it has it now.
create table audit.host_list (
  host_id text not null,
  section text not null,
  list_id integer not null references audit.package_list (id),
  since timestamptz not null,
  until timestamptz,
  primary key (host_id, section, since)
);
create unique index host_list_now on audit.host_list (host_id, section) where until is null;
create index host_list_by_list on audit.host_list (list_id, until) include (host_id);

-- Hosts that have any of these packages now, each once: who has some in both of its lists is told of by the first.
create function audit.holders(packages integer[]) returns setof text language sql stable as $$
  with own as materialized (select l.id, l.section from audit.package_list l where l.packages && $1)
  select h.host_id from own join audit.host_list h on h.list_id = own.id and h.until is null
  where own.section = 'packages' or not exists (
    select from audit.host_list o join own p on p.id = o.list_id
    where o.host_id = h.host_id and o.until is null and o.section = 'packages')
$$;

-- What answers about the whole estate need of each host.
create table audit.host_system (
  host_id text primary key,
  ecosystems text[] not null,
  version_id text,
  -- places that could not be looked into; null: its programs were never looked at
  unread integer,
  -- packages that a listener beyond the loopback address is of
  listens text[] not null,
  -- addresses seen to connect to it
  peers integer not null default 0,
  -- its owner's tags say that it matters
  important boolean not null default false,
  -- what runs out of which package
  use_id integer
);

-- Which units run files of which packages: `package TAB unit`; one row for each distinct list.
create table audit.process_use (
  id integer generated always as identity primary key,
  digest text not null unique,
  uses text[] not null
);

-- What feeds come to about one installed package and one advisory, affected or unknown, and from when to when we said so.
create table audit.match (
  id bigint generated always as identity primary key,
  package_id integer not null references audit.package (id),
  advisory text not null,
  about text not null,
  verdict text not null check (verdict in ('affected', 'unknown')),
  fix text,
  why text not null,
  feed text not null,
  since timestamptz not null,
  until timestamptz
);
create unique index match_now on audit.match (package_id, advisory) where until is null;
create index match_by_advisory on audit.match (advisory, package_id);

-- Advisories that hosts are affected by, counted. A job counts again what changed.
create table audit.vulnerability (
  advisory text primary key,
  aliases text[] not null,
  severity text not null,
  sources text[] not null,
  packages integer not null,
  hosts integer not null,
  listening integer not null,
  important integer not null,
  -- of the host that most others connect to
  peers integer not null,
  fixable boolean not null,
  exploited boolean not null default false,
  ransomware boolean not null default false,
  epss real,
  priority real not null default 0
);
create index vulnerability_by_priority on audit.vulnerability (priority desc, advisory);
create index vulnerability_by_alias on audit.vulnerability using gin (aliases);

-- What is to be counted again: what these lists differ by, these advisories, or the signals of all.
create table audit.recount (
  id bigint generated always as identity primary key,
  lists integer[] not null,
  advisories text[] not null,
  signals boolean not null default false
);

-- PyPI takes some different names for the same one (PEP 503).
alter table audit.statement add column called text generated always as (
  case ecosystem when 'PyPI' then regexp_replace(lower(name), '[-_.]+', '-', 'g') else name end) stored;
alter table audit.statement add column advisory text generated always as (body ->> 'id') stored;
create index statement_by_advisory on audit.statement (advisory);
drop index audit.statement_by_package;
create index statement_by_called on audit.statement (called, ecosystem);
-- Who has a package, the lists tell.
drop index audit.section_packages;
