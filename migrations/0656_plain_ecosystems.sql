-- Whoever stores a list of packages has just read it, and says which kinds are in it: working that out again here took as
-- long as storing the rest of it.
alter table audit.section_content alter column ecosystems drop expression;
drop function audit.ecosystems_of(jsonb);
