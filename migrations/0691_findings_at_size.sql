-- A page of findings is cut out where they are stored, whatever is asked of them.

-- When each host last said how it is: hosts that were only seen from outside are not here. No index on the time: it changes
-- with every report, and all of them are read faster than one would be kept.
create table audit.host_report (
  host_id text primary key,
  reported_at timestamptz not null
) with (fillfactor = 70);
insert into audit.host_report (host_id, reported_at)
  select host_id, max(received_at) from audit.section where hash is not null group by host_id;

-- By when it is to be gone; null: nobody set a time, or it is over.
alter table audit.finding_look add column due_at timestamptz;
update audit.finding_look l
  set due_at = coalesce(f.clock_at, f.rekindled_at, f.opened_at) + l.sla_days * interval '24 hours'
  from audit.finding f
  where f.id = l.finding_id and l.sla_days is not null and f.state not in ('fixed', 'not-applicable');
create index finding_look_due on audit.finding_look (due_at, finding_id) where due_at is not null;
create index finding_look_advisories on audit.finding_look using gin (advisories jsonb_path_ops);
create index verdict_drifted on audit.verdict (host_id, kit) where drifted <> '{}';
-- As `ownerOf` has it.
create index host_by_owner on discovery.host ((coalesce(owner, tags ->> 'owner', 'nobody')));
