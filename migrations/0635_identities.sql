-- What tells each machine from others, as its own facts say it now: its machine-id and the SSH host keys on its disk. Two
-- hosts with one value are clones.
create table audit.identity (
  host_id text not null,
  kind text not null check (kind in ('machine-id', 'ssh-host-key')),
  value text not null,
  -- what tells two records of one machine from two machines
  boot_id text,
  hostname text not null,
  primary key (host_id, kind, value)
);
create index identity_by_value on audit.identity (kind, value, host_id);
