-- A token that was made with another token ends with it.
alter table auth.token add column parent_id text references auth.token (id);
create index token_by_parent on auth.token (parent_id) where parent_id is not null;
-- The command line's on the server's own machine: it ends with the process, and what was made with it does not.
alter table auth.token add column local boolean not null default false;
