-- Records of these distributions were read as if they named binary packages only, and some name sources. What is in force
-- of them is read anew at the next sync or import, also where the file is the same.
update audit.feed_state s set etag = null, cursor = null, digest = 'read anew'
from audit.feed f where f.name = s.feed and f.kind = 'osv' and s.digest is not null
  and f.settings ->> 'ecosystem' in ('Azure Linux', 'Mageia', 'Rocky Linux', 'SUSE', 'openEuler', 'openSUSE');
