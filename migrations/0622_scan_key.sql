-- The key that signs files of scans; its private part is in the vault.
create table discovery.scan_key (
  id integer primary key check (id = 1),
  public_key bytea not null,
  secret_id text not null,
  created_at timestamptz not null
);
select ledger.protect('discovery.scan_key');
