-- What a server showed above the issuer of its certificate: by it one tells whether the authority is one to ask.
alter table audit.certificate_status add column chain text[] not null default '{}';
