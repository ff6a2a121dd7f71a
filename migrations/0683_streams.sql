-- Fixes of Red Hat's extended support were left out. What is in force of its VEX, and of OSV's Red Hat, is read anew at the
-- next sync or import, also where the file is the same; of VEX that is every document once more, some at a time.
update audit.feed_state s set etag = null, cursor = null, digest = 'read anew'
from audit.feed f where f.name = s.feed and s.digest is not null
  and (f.kind = 'redhat-vex' or f.kind = 'osv' and f.settings ->> 'ecosystem' = 'Red Hat');
