-- What a kit says of a host, check by check: stored once however many hosts it is the same for.
create table audit.verdict_set (
  -- of the kit and its marks
  digest text primary key,
  kit text not null,
  -- check → pass, fail, unknown, not-applicable
  marks jsonb not null
);

-- Which of them each host has now. Written when a verdict changes, not with every look.
create table audit.verdict (
  host_id text not null,
  kit text not null,
  digest text not null references audit.verdict_set (digest),
  -- check → since when, by which facts, until when it had passed, and what changed then
  detail jsonb not null,
  -- checks that fail and had passed before
  drifted text[] not null,
  changed_at timestamptz not null,
  primary key (host_id, kit)
);
create index verdict_by_set on audit.verdict (digest);

-- The estate's score day by day: a row a kit and owner, however many hosts there are.
create table audit.compliance_day (
  day date not null,
  dimension text not null check (dimension in ('estate', 'kit', 'owner')),
  name text not null,
  tally jsonb not null,
  primary key (day, dimension, name)
);
