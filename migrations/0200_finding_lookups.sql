-- Exceptions look for findings of one component each minute, and for those that they hold when they end.
create index finding_look_component on audit.finding_look (component);
create index finding_by_exception on audit.finding (exception_id) where exception_id is not null;
