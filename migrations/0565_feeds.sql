-- Who tells us of vulnerabilities: trackers, databases, catalogues.
create table audit.feed (
  name text primary key,
  kind text not null,
  -- null: it only comes as a file
  url text,
  settings jsonb not null,
  created_at timestamptz not null,
  created_by text not null
);
select ledger.protect('audit.feed');

-- What is in force of it, and how the last try went; changes with each try, so it is beside the feed and needs no entry.
create table audit.feed_state (
  feed text primary key references audit.feed (name) on delete cascade,
  tried_at timestamptz not null,
  ok_at timestamptz,
  error text,
  etag text,
  -- of the file that is in force: when it was made, by itself, and its SHA-256
  feed_time timestamptz,
  digest text,
  statements integer not null default 0,
  signals integer not null default 0
);

-- What one feed says of one package of one release and one vulnerability.
create table audit.statement (
  feed text not null references audit.feed (name) on delete cascade,
  -- ecosystem, release, source or binary, name and id, as one JSON list
  key text not null,
  ecosystem text not null,
  name text not null,
  -- its id and its aliases, in capitals
  ids text[] not null,
  body jsonb not null,
  -- of the body
  digest text not null,
  -- time of the feed that said so first
  feed_time timestamptz not null,
  primary key (feed, key)
);
create index statement_by_package on audit.statement (name, ecosystem);
create index statement_by_id on audit.statement using gin (ids);
select ledger.protect('audit.statement');

-- What a feed said before it said something else, or nothing more.
create table audit.statement_history (
  id bigint generated always as identity primary key,
  feed text not null,
  key text not null,
  body jsonb not null,
  feed_time timestamptz not null,
  -- time of the feed that no longer says so
  until timestamptz not null
);
create index statement_history_by_key on audit.statement_history (feed, key, until);

-- What is known of a vulnerability itself: exploited, how likely to be. Joined by CVE number only.
create table audit.signal (
  feed text not null references audit.feed (name) on delete cascade,
  cve text not null,
  kind text not null,
  body jsonb not null,
  digest text not null,
  primary key (feed, cve)
);
create index signal_by_cve on audit.signal (cve);
select ledger.protect('audit.signal');
