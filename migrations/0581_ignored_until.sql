-- A host that is set aside comes back to be looked at; what was set aside before stays so until somebody says otherwise.
alter table discovery.host add column ignored_until timestamptz;
create index host_ignored_until on discovery.host (ignored_until) where ignored_until is not null;
