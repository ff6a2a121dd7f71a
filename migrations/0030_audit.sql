create schema audit;

-- Content of facts sections, stored once however many hosts have it or return to it.
create table audit.section_content (
  name text not null,
  -- of the canonical JSON, checked when it arrives
  hash text not null,
  data jsonb not null,
  first_seen timestamptz not null,
  primary key (name, hash)
);
create index section_packages on audit.section_content using gin (data jsonb_path_ops) where name = 'packages';

-- What is known of each host now. An error keeps the last content (row 1.8).
create table audit.section (
  host_id text not null,
  name text not null,
  hash text,
  version integer not null,
  collected_at timestamptz not null,
  -- by our clock: when the content was last confirmed
  received_at timestamptz not null,
  error text,
  primary key (host_id, name),
  foreign key (name, hash) references audit.section_content (name, hash)
);
create index section_by_content on audit.section (name, hash);

-- When each content became a host's current one: the estate as of any date.
create table audit.section_history (
  id bigint generated always as identity primary key,
  host_id text not null,
  name text not null,
  hash text not null,
  at timestamptz not null,
  foreign key (name, hash) references audit.section_content (name, hash)
);
create index section_history_by_host on audit.section_history (host_id, name, at);

create table audit.facts_request (
  host_id text primary key,
  asked_at timestamptz not null
);

create table audit.kit (
  digest text primary key,
  kit text not null,
  version text not null,
  body jsonb not null,
  loaded_at timestamptz not null
);

-- The newest evidence that a host was judged by: an older judgement that comes late must not undo a newer one.
create table audit.judged (
  host_id text primary key,
  at timestamptz not null,
  facts_at timestamptz,
  probed_at timestamptz,
  -- digest over the kits that were used
  kits text not null
);

create table audit.finding (
  id text primary key,
  host_id text not null,
  endpoint_id text,
  endpoint text,
  kit text not null,
  check_id text not null,
  component text not null,
  state text not null check (state in ('open', 'excepted', 'planned', 'fixed', 'rekindled')),
  opened_at timestamptz not null,
  closed_at timestamptz,
  rekindled_at timestamptz,
  rekindle_cause text,
  -- how much is known about the cause: later facts may tell more
  cause_rank integer,
  -- how things stood when it was closed
  closed_with jsonb,
  exception_id text,
  change_id text
);
create index finding_by_host on audit.finding (host_id);
create index finding_by_endpoint on audit.finding (endpoint);
create index finding_burning on audit.finding (kit, check_id) where state <> 'fixed';

-- What was seen of a finding at the last look: changes with every look, so it has no entry each time.
create table audit.finding_look (
  finding_id text primary key references audit.finding (id),
  host_name text not null,
  component text not null,
  kit_version text not null,
  advisories jsonb not null,
  severity text not null,
  confidence real not null,
  title text not null,
  evidence jsonb not null,
  pending text,
  last_seen_at timestamptz not null
);

create table audit.exposure (
  id text primary key,
  kit text not null,
  host_id text not null,
  endpoint_id text not null,
  endpoint text not null,
  spki text not null,
  serial text not null,
  issuer text not null,
  fingerprint text not null,
  crl_urls jsonb not null,
  cause text not null check (cause in ('vulnerable', 'shared-key')),
  via text,
  opened_at timestamptz not null,
  unique (kit, endpoint, fingerprint)
);
create index exposure_by_spki on audit.exposure (spki);
create index exposure_by_host on audit.exposure (host_id);

-- Which key is where, by the hash of its public half: served by a listener, configured for one, or lying in a file.
create table audit.key (
  host_id text not null,
  host_name text not null,
  kind text not null check (kind in ('served', 'configured', 'file')),
  -- address:port, or the path
  place text not null,
  spki text not null,
  endpoint_id text,
  -- the certificate with it: serial, issuer, fingerprint, CRLs; null for a key alone
  certificate jsonb,
  primary key (host_id, kind, place, spki)
);
create index key_by_spki on audit.key (spki);

select ledger.protect('audit.kit');
select ledger.protect('audit.finding');
select ledger.protect('audit.exposure');
