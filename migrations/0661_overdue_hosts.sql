-- On how many hosts a vulnerability is overdue, as of when they were counted; null: not yet. Those that are due first are
-- counted, by a job, and none whose soonest time is still to come.
alter table audit.vulnerability add column overdue_hosts integer, add column overdue_counted_at timestamptz;
