-- SSH keys are on the radar, too: host keys that servers prove, host keys on disk, and keys that accounts let in. They are
-- named by their fingerprint (`SHA256:…`) where the others have the hash of their SubjectPublicKeyInfo.
alter table audit.key drop constraint key_kind_check;
alter table audit.key add constraint key_kind_check
  check (kind in ('served', 'configured', 'file', 'ssh-served', 'ssh-file', 'ssh-authorized'));
-- When it was first seen there; null for what was there before this was noted.
alter table audit.key add column since timestamptz;
-- Is the private key there, or only a certificate for it, or a permission?
alter table audit.key add column holds boolean generated always as (
  case kind when 'ssh-authorized' then false when 'file' then certificate is null else true end) stored;
-- A listing counts hosts by key without reading the rows themselves.
drop index audit.key_by_spki;
create index key_by_spki on audit.key (spki, host_id) include (holds, since);
-- Certificates that transparency logs told of, by serial.
create index sighting_logged on discovery.sighting using gin (string_to_array(evidence->>'serials', ' '))
  where source = 'certificate-log';
