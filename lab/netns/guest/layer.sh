#!/bin/bash
# Installs packages on top of a release: layer.sh DIRECTORY LOWER SOURCE INSTALL REMOVE SECURITY NEWER (lists with spaces;
# NEWER comes from SECURITY when all else is there). Runs in PID and mount namespaces of its own and in the lab's network
# namespace, where only the lab's mirror can be reached. What it needs for itself is on /run, a tmpfs: DIRECTORY/upper has
# the packages and nothing else.
set -eu
dir=$1 lower=$2 source=$3 install=$4 remove=$5 security=$6 newer=$7
here=$(dirname "$0")
. "$here/devices.sh"

mkdir -p "$dir/upper" "$dir/work" "$dir/root"
mount -t overlay -o "lowerdir=$lower,upperdir=$dir/upper,workdir=$dir/work" overlay "$dir/root"
cd "$dir/root"
mount -t proc proc proc
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
make_devices
mkdir -p run/lists/partial run/cache/archives/partial
echo "$source" >run/layer.list
cat >run/apt.conf
# No service starts while the layer is made.
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d

inside() {
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive APT_CONFIG=/run/apt.conf LC_ALL=C.UTF-8 \
    chroot . "$@" </dev/null
}
inside apt-get -q update
# shellcheck disable=SC2086
inside apt-get -q -y --no-install-recommends install $install
# shellcheck disable=SC2086
[ -z "$remove" ] || inside apt-get -q -y purge $remove
if [ -n "$security" ] && [ -n "$newer" ]; then
  echo "$security" >run/layer.list
  inside apt-get -q update
  # shellcheck disable=SC2086
  inside apt-get -q -y --no-install-recommends install $newer
fi
rm -f usr/sbin/policy-rc.d etc/ssh/ssh_host_* etc/dropbear/dropbear_*_host_key
