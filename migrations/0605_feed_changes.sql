-- Feeds that are many documents with a list of changes: up to which change, `time document`, they were taken; null: they are
-- fetched as a whole next.
alter table audit.feed_state add column cursor text;
