-- Findings in the order that people want them in: the worst first.
create index finding_look_worst on audit.finding_look
  ((array_position('{critical,high,medium,low,info}'::text[], severity)), finding_id);
-- A finding or a host is named by the end of its id, too.
create index finding_by_end on audit.finding (reverse(id) text_pattern_ops);
create index host_by_end on discovery.host (reverse(id) text_pattern_ops);
-- Findings that a change works on.
create index finding_by_change on audit.finding (change_id) where change_id is not null;
