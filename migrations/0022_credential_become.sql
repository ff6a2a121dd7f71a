-- How a login that is not root becomes root, and with which password (in the vault) if it is not the login's own.
alter table enrollment.credential add column become text check (become in ('sudo', 'doas'));
alter table enrollment.credential add column become_id text;
