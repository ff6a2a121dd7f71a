-- Companions of a module's stream are told from the stream itself: records that were read before are read anew at the next
-- sync or import, also where the file is the same. Not Red Hat's VEX, which is some 60,000 documents: those are read as they
-- change.
update audit.feed_state s set etag = null, cursor = null, digest = 'read anew'
from audit.feed f where f.name = s.feed and s.digest is not null
  and f.kind = 'osv' and f.settings ->> 'ecosystem' in ('AlmaLinux', 'Red Hat', 'Rocky Linux');

-- Kernels of Mageia, and SUSE's with few modules, were packages as all others. Hosts that have such a list get theirs anew, by
-- timer: no list is known by the old name any more.
update audit.package_list set key = 'again 0682 ' || key
where section = 'packages' and packages && array(
  select id from audit.package where not is_library
    and (ecosystem = 'Mageia' and source ~ '^kernel(-linus|-tmb)?$'
      or ecosystem in ('SUSE', 'openSUSE') and name ~ '^kernel-[a-z0-9]+-base$'));
