-- Whether a feed speaks of a release at all is asked for every kind of host that there is.
create index statement_by_release on audit.statement (ecosystem, (body ->> 'release'));

-- Releases were read as feeds word them, which is not how hosts do: such feeds are taken anew.
update audit.feed_state set etag = null, digest = null, tried_at = 'epoch'
where feed in (select name from audit.feed where kind = 'osv');
