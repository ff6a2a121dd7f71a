-- On how many hosts an advisory falls due, by day (UTC): how many are overdue follows from that, and nobody has to count again.
alter table audit.vulnerability add column due_days date[] not null default '{}';
alter table audit.vulnerability add column due_hosts integer[] not null default '{}';
-- What is stored is counted once more, by the hosts that anybody set a time for.
insert into audit.due_again (host_id) select distinct host_id from audit.host_term on conflict do nothing;
