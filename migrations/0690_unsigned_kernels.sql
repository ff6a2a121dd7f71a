-- Debian's kernels without a signature were none of those that run, so that nobody could tell of their hosts. These get their
-- list anew, by timer: no list is known by the old name any more.
update audit.package_list set key = 'again 0690 ' || key
where section = 'packages' and packages && array(
  select id from audit.package where not is_library and ecosystem = 'Debian' and name ~ '^linux-image-.*-unsigned$');
