#!/bin/bash
# Builds from a release's source: build.sh DIRECTORY LOWER RECIPE SOURCE. RECIPE is a directory with a recipe.sh, which is
# run in what LOWER (directories of an overlay, with the tools) makes; what it leaves in /result is DIRECTORY/upper. Runs in
# PID and mount namespaces of its own and in the lab's network namespace, where only the lab's mirror can be reached.
set -eu
dir=$1 lower=$2 recipe=$3 source=$4
here=$(dirname "$0")
. "$here/../guest/devices.sh"

# What lies about while it is built goes with DIRECTORY/scratch.
mkdir -p "$dir/upper" "$dir/scratch/upper" "$dir/scratch/work" "$dir/root"
mount -t overlay -o "lowerdir=$lower,upperdir=$dir/scratch/upper,workdir=$dir/scratch/work" overlay "$dir/root"
cd "$dir/root"
mount -t proc proc proc
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
make_devices
mkdir -p result recipe build run/lists/partial run/cache/archives/partial
mount --bind "$dir/upper" result
mount --bind "$recipe" recipe
echo "$source" >run/layer.list
cat >run/apt.conf
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive APT_CONFIG=/run/apt.conf LC_ALL=C.UTF-8 \
  chroot . bash -eu -c 'cd /build && apt-get -q update && . /recipe/recipe.sh' </dev/null
cd /
umount -R "$dir/root"
rm -rf "$dir/scratch"
