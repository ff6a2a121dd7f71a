#!/bin/bash
# image.sh DIRECTORY LOWER MEGABYTES: from a host's files to the disk of a machine that boots from it, DIRECTORY/disk.img.
# Runs in PID and mount namespaces of its own. What the disk is made with (mkfs, GRUB) is the release's own.
set -eu
dir=$1 lower=$2 megabytes=$3
here=$(dirname "$0")
. "$here/../guest/devices.sh"

mount -t overlay -o "lowerdir=$lower,upperdir=$dir/upper,workdir=$dir/work" overlay "$dir/root"
cd "$dir/root"
mount -t proc proc proc
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
make_devices
inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 chroot . "$@" </dev/null; }
inside bash -eu /etc/lab/setup.sh

# One partition from the second megabyte on; before it the boot sector, which reads what GRUB is from the second sector.
disk=$dir/disk.img first=2048
inside grub-mkimage --format=i386-pc --output=/run/core.img --prefix='(hd0,msdos1)/boot/grub' \
  biosdisk part_msdos ext2 normal linux echo serial test configfile search search_fs_uuid
mkdir -p boot/grub/i386-pc
cp usr/lib/grub/i386-pc/*.mod usr/lib/grub/i386-pc/*.lst boot/grub/i386-pc/
# The same tree again, without what is mounted in it.
mkdir run/tree run/out
mount --bind . run/tree
mount --bind "$dir" run/out
inside mkfs.ext4 -q -F -d /run/tree -E "offset=$((first * 512))" -O ^has_journal "/run/out/${disk##*/}" "$((megabytes - 1))M"
little_endian() { printf "\\x%02x\\x%02x\\x%02x\\x%02x" $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)); }
write() { dd of="$disk" conv=notrunc status=none "$@"; }
write if=usr/lib/grub/i386-pc/boot.img bs=440 count=1
{
  # active, of Linux' own kind; where it lies by heads and cylinders is asked by nobody any more
  printf '\x80\xfe\xff\xff\x83\xfe\xff\xff'
  # shellcheck disable=SC2059
  printf "$(little_endian $first)$(little_endian $((megabytes * 2048 - first)))"
} | write bs=1 seek=446
printf '\x55\xaa' | write bs=1 seek=510
write if=run/core.img bs=512 seek=1
