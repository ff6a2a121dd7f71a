#!/bin/bash
# Becomes a lab host. Runs as the first process of new PID, mount, UTS and IPC namespaces, in the host's own network
# namespace: enter.sh DIRECTORY LOWER NAME DISK. All mounts are made here, in a namespace that ends with its last
# process, so the machine's mount table never sees one of them and none can be left behind.
set -eu
dir=$1 lower=$2 name=$3 disk=$4
root=$dir/root
here=$(dirname "$0")
. "$here/devices.sh"

upper=$dir/upper work=$dir/work
if [ "$disk" != none ]; then
  # A small disk is a tmpfs of that size: it fills up as a real one does.
  mount -t tmpfs -o "size=$disk,mode=755" lab-disk "$dir/disk"
  cp -a "$dir/upper" "$dir/disk/upper"
  mkdir "$dir/disk/work"
  upper=$dir/disk/upper work=$dir/disk/work
fi
mount -t overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work" overlay "$root"
cd "$root"

mount -t proc -o nosuid,nodev,noexec proc proc
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t tmpfs -o mode=755,nosuid,size=64m tmpfs run
make_devices

# The kernel's settings are the machine's: they can be read, and only those of the network, which are the host's own,
# written. A few that checks look at are played by files of the host.
mount --bind proc/sys proc/sys
mount --bind proc/sys/net proc/sys/net
[ ! -e proc/sysrq-trigger ] || mount --bind dev/null proc/sysrq-trigger
mkdir -p "$dir/sysctl"
for setting in kernel/random/boot_id kernel/randomize_va_space kernel/kptr_restrict kernel/dmesg_restrict \
  kernel/unprivileged_bpf_disabled kernel/perf_event_paranoid kernel/yama/ptrace_scope \
  kernel/sysrq kernel/kexec_load_disabled dev/tty/ldisc_autoload vm/unprivileged_userfaultfd vm/mmap_min_addr \
  fs/protected_hardlinks fs/protected_symlinks fs/protected_fifos fs/protected_regular fs/suid_dumpable; do
  [ -e "proc/sys/$setting" ] || continue
  played=$dir/sysctl/${setting//\//.}
  cat "proc/sys/$setting" >"$played"
  mount --bind "$played" "proc/sys/$setting"
done
mount -o remount,bind,ro proc/sys

hostname "$name"

# The old root is put on /mnt for a moment: pivot_root wants a directory, and this one is there on every Debian.
pivot_root . mnt
cd /
exec </dev/null /bin/bash -c \
  'umount -l /mnt && exec /usr/bin/setpriv --bounding-set "$1" --inh-caps -all /sbin/init' \
  lab-init "$LASTEMBER_LAB_CAPABILITIES"
