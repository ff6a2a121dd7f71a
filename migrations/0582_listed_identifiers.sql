-- Only lists told it: such an identifier may lead to a host, and never contradicts what was seen of one.
alter table discovery.identifier add column listed boolean not null default false;
