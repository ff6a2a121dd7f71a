-- Products that documents call `rhel_e6s` were left out, and what is built of a module's source was taken for a plain package.
-- What is in force of Red Hat's VEX, and of OSV's Red Hat, is read anew once more, as by 0683.
update audit.feed_state s set etag = null, cursor = null, digest = 'read anew'
from audit.feed f where f.name = s.feed and s.digest is not null
  and (f.kind = 'redhat-vex' or f.kind = 'osv' and f.settings ->> 'ecosystem' = 'Red Hat');
