-- What an advisory affects of which all that it names is told of by itself: no vulnerability of its own, and still found by
-- its name.
alter table audit.match drop constraint match_verdict_check;
alter table audit.match add constraint match_verdict_check check (verdict in ('affected', 'bundled', 'unknown'));
