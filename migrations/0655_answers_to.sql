-- By which names a vulnerability can be accepted. An erratum of several CVEs is not accepted with one of them: the others
-- are as open as before. So names of single vulnerabilities count where there is one only; names of errata always do.
create function audit.answers_to(advisory text, aliases text[]) returns text[] language sql immutable as $$
  select array(select distinct upper(n) from unnest(array_append(aliases, advisory)) n
    where upper(n) = upper(advisory)
      or upper(n) !~ 'CVE-[0-9]|^GHSA-'
      or (select count(distinct substring(upper(c) from 'CVE-[0-9]+-[0-9]+'))
        from unnest(array_append(aliases, advisory)) c) < 2
    order by 1)
$$;
alter table audit.vulnerability add column answers_to text[] not null
  generated always as (audit.answers_to(advisory, aliases)) stored;

-- Ids are compared in capitals, however people and feeds write them.
drop index audit.accepted_by_advisory;
create index accepted_by_advisory on audit.accepted (upper(advisory));
