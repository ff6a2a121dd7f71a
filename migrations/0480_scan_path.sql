-- How the ports of a scan were tried, and why so: sockets of Node everywhere, faster ways where there are some.
alter table discovery.scan add column path text check (path in ('portable', 'epoll', 'syn'));
alter table discovery.scan add column path_why text;
