-- Each new list went into the index package by package while the host that brought it waited. It is now put down beside the
-- index first, and whoever counts next sorts in all that came, some at a time: packages that many lists share cost once.
alter index audit.package_list_packages set (fastupdate = on, gin_pending_list_limit = 1024);

-- Only the owner of the index may, and there is no harm in it.
create function audit.sort_in_lists() returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select gin_clean_pending_list('audit.package_list_packages'::regclass)
$$;
