-- Since when a job counts on how many hosts it is overdue; null: none does, or its clocks changed since, so that what that
-- job comes to is not right any more.
alter table audit.vulnerability add column overdue_turn timestamptz;
