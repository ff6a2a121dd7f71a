-- The machine that a login goes through, and the login used there: {"hostId": …, "credentialId": …}. That login may go
-- through another one itself.
alter table enrollment.credential add column via jsonb;
