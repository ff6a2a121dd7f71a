-- Fixes that only Pro brings were read as if everybody got them: feeds of Ubuntu are taken anew.
update audit.feed_state set etag = null, digest = null, cursor = null, tried_at = 'epoch'
where feed in (select name from audit.feed where kind = 'osv' and settings ->> 'ecosystem' = 'Ubuntu');
