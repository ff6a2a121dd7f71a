-- Whoever stores a list of packages has just read it, and says which kinds are in it: working that out again here took as
-- long as storing the rest of it.
alter table audit.section_content alter column ecosystems drop expression,
  -- A server from before this one, still running, would leave it out, and hosts of kinds that nobody knows would look clean.
  add constraint section_content_ecosystems check (name <> 'packages' or ecosystems is not null);
drop function audit.ecosystems_of(jsonb);
