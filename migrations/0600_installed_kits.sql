-- Kits that people brought, beside those of the release. Their text is kept as it came, so that its digest can be made again.
create table audit.installed_kit (
  kit text primary key,
  version text not null,
  digest text not null,
  text text not null,
  -- public key (base64 of SPKI) that signed it; null: it was pinned by its digest
  signed_by text,
  installed_at timestamptz not null,
  installed_by text not null
);
select ledger.protect('audit.installed_kit');
