-- What the authorities of served certificates say about them, and when each is asked again. Nobody decides anything here:
-- what follows from it is a finding, and that is on the trail.
create table audit.certificate_status (
  fingerprint text primary key,
  spki text not null,
  pem text not null,
  -- null: nobody has shown it yet
  issuer_pem text,
  crl_urls text[] not null,
  ocsp_urls text[] not null,
  status text not null default 'unknown' check (status in ('good', 'revoked', 'unknown')),
  -- who said so; when that was true; until when it holds
  source text,
  as_of timestamptz,
  until timestamptz,
  -- what came of the last question, where it was no answer
  why text,
  failures integer not null default 0,
  asked_at timestamptz,
  next_at timestamptz not null,
  -- a listener with it was judged
  served_at timestamptz not null
);
create index certificate_status_due on audit.certificate_status (next_at);
