-- An address that shows one machine now and another then, while each of them is alive elsewhere, is nobody's own: it
-- moves between them, or something in front of them answers. One row an identity that was shown there. See
-- logic/shared.ts.
create table discovery.face (
  address text not null,
  -- an identifier as `kind value`
  identity text not null,
  -- the record that stood for it at this address
  record_id text not null references discovery.host (id),
  -- looked: it answered here and elsewhere at once; agent: its interfaces had this address beside its own
  how text not null check (how in ('looked', 'agent')),
  first_at timestamptz not null,
  last_at timestamptz not null,
  -- how often it was shown soon after another one
  quick integer not null default 0,
  primary key (address, identity)
);
