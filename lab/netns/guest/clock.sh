#!/bin/sh
# clock.sh SECONDS: the wall clock of this host is so much ahead (+) or behind (-), for all that starts from now on; units
# that unit.py keeps start anew. `clock.sh heal` puts it back. A namespace has no wall clock of its own: every program is
# told another time by libfaketime, which comes from the host's own release and is not installed as a package.
set -eu
lib=/usr/local/lib/lab/faketime.so

again() {
  for keeper in /run/lab/units/*.keeper; do
    [ -e "$keeper" ] || continue
    unit=$(basename "$keeper" .keeper)
    if systemctl is-active "$unit" >/dev/null; then systemctl restart "$unit"; fi
  done
}

fetch() (
  # Package lists are larger than /run.
  work=/var/tmp/lab-clock
  mkdir -p $work/lists/partial $work/cache/archives/partial
  cd $work
  # Lists of its own: how old the host's are is something that people look at.
  apt() { apt-get -qq -o Dir::State::Lists=$work/lists -o Dir::Cache=$work/cache -o APT::Sandbox::User=root "$@"; }
  apt update
  apt download libfaketime
  dpkg-deb -x libfaketime_*.deb tree
  cp tree/usr/lib/*/faketime/libfaketime.so.1 "$lib"
  rm -r $work
)

if [ "$1" = heal ]; then
  [ -e /etc/faketimerc ] || exit 0
  rm -f /etc/ld.so.preload /etc/faketimerc
else
  [ -e "$lib" ] || fetch
  echo "$1" >/etc/faketimerc
  echo "$lib" >/etc/ld.so.preload
fi
again
