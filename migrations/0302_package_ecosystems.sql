-- Which kinds of packages a list has: asked of every host by each question about the estate, and far too much to be read
-- out of the lists each time.
create function audit.ecosystems_of(packages jsonb) returns text[] language sql immutable parallel safe
  as $$ select coalesce(array_agg(distinct one #>> '{}'), '{}') from jsonb_path_query(packages, '$[*].ecosystem') one $$;
alter table audit.section_content
  add column ecosystems text[] generated always as (case when name = 'packages' then audit.ecosystems_of(data) end) stored;
