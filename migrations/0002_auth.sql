create schema auth;

create table auth.person (
  id text primary key,
  name text not null unique,
  role text not null check (role in ('viewer', 'operator', 'approver', 'admin')),
  -- scrypt parameters, salt and hash; null: signs in by one-time link or token only
  password text,
  disabled_at timestamptz,
  created_at timestamptz not null
);

-- Only hashes of sessions, tokens and links are kept: a stolen table signs nobody in.
create table auth.session (
  hash text primary key,
  person_id text not null references auth.person (id),
  signed_in_at timestamptz not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  -- has a successor with a new secret, and ends soon
  renewed boolean not null default false
);
create table auth.link (
  hash text primary key,
  person_id text not null references auth.person (id),
  expires_at timestamptz not null,
  used_at timestamptz
);
create table auth.token (
  id text primary key,
  name text not null,
  hash text not null unique,
  person_id text not null references auth.person (id),
  role text not null check (role in ('viewer', 'operator', 'approver', 'admin')),
  created_at timestamptz not null,
  expires_at timestamptz,
  revoked_at timestamptz
);
create table auth.token_use (token_id text primary key references auth.token (id), last_used_at timestamptz not null);

create table auth.approver_key (
  key_id text primary key,
  person_id text not null references auth.person (id),
  name text not null,
  public_key text not null unique,
  created_at timestamptz not null,
  revoked_at timestamptz
);

select ledger.protect('auth.person');
select ledger.protect('auth.token');
select ledger.protect('auth.approver_key');
