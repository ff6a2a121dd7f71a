-- How the ports of a scan were tried, and why so: sockets of Node everywhere, faster ways where there are some.
alter table discovery.scan add column path text check (path in ('portable', 'epoll', 'syn'));
alter table discovery.scan add column path_why text;
-- Windows of fast scans are wider now: one that is under way begins anew, or it would jump over addresses.
delete from discovery.scan_open where scan_id in (
  select id from discovery.scan where state in ('queued', 'running', 'paused') and rate > 1024
);
update discovery.scan set window_index = 0, cursor = 0
  where state in ('queued', 'running', 'paused') and rate > 1024;
