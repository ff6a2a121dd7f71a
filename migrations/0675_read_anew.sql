-- Records of these were read otherwise, too: streams of modules and urgency of errata, extended support, Ubuntu's priority.
-- What is in force of them is read anew at the next sync or import, also where the file is the same.
update audit.feed_state s set etag = null, cursor = null, digest = 'read anew'
from audit.feed f where f.name = s.feed and f.kind = 'osv' and s.digest is not null
  and f.settings ->> 'ecosystem' in ('AlmaLinux', 'Red Hat', 'Ubuntu');

-- Kernels of rpm and apk were packages as all others, each judged whether it runs or not. Hosts that have such a list get
-- theirs anew, by timer: no list is known by the old name any more.
update audit.package_list set key = 'again ' || key
where section = 'packages' and packages && array(
  select id from audit.package where kernel = '' and not is_library
    and ((ecosystem in ('AlmaLinux', 'Azure Linux', 'Red Hat', 'Rocky Linux', 'SUSE', 'openEuler', 'openSUSE')
        and source ~ '^kernel(-(64k|64k-debug|64kb|azure|debug|default|kvmsmall|longterm|lt|ml|pae|preempt|rt|rt-debug|uek|vanilla|docs|source.*|syms.*))?$')
      or (ecosystem in ('Alpaquita', 'Alpine') and source ~ '^linux-(edge|lts|rpi[0-9]?|stable|virt)$')));
