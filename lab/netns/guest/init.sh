#!/bin/bash
# PID 1 of a lab host: starts services in order, reaps what is orphaned (bash does), ends everything when told to.
# TERM stops the host. /run/reboot-requested, which `reboot` makes, plays a reboot: all processes end, and the services
# start again under another boot id. /run/lab/reexec, which `telinit u` makes, renews this program alone.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8
# The mark by which the lab finds this process is not for the services.
export -n LASTEMBER_LAB_PART
unset LASTEMBER_LAB_CAPABILITIES

log() { echo "$(date +%T) $*"; }
# As on any Debian without systemd: what is enabled for runlevel 2, in its order. With OpenRC, what its level has.
services() {
  if [ -d /etc/runlevels/default ]; then ls /etc/runlevels/default; return; fi
  local link
  for link in /etc/rc2.d/S*; do echo "${link#/etc/rc2.d/S??}"; done
}

boot() {
  rm -rf /run/* /tmp/* /tmp/.[!.]*
  mkdir -p /run/lock /run/lab
  chmod 1777 /run/lock
  if [ -d /etc/runlevels ]; then
    mkdir -p /run/openrc/{daemons,exclusive,failed,hotplugged,inactive,options,scheduled,started,starting,stopping,tmp,wasinactive}
    echo default >/run/openrc/softlevel
  fi
  # A plain read of uuid gives another value each time; boot_id is a file of this host.
  cat /proc/sys/kernel/random/uuid >/proc/sys/kernel/random/boot_id
  if [ ! -e /etc/lab/done ]; then
    bash -eu /etc/lab/setup.sh || { log "setup failed"; echo setup >>/run/lab/failed; }
    touch /etc/lab/done
  fi
  local name
  for name in $(services); do
    service "$name" start </dev/null || { log "$name did not start"; echo "$name" >>/run/lab/failed; }
  done
  python3 /usr/local/lib/lab/unit.py --wanted || log "units did not start"
  touch /run/lab/ready
  log "ready"
}

others() {
  local entry
  for entry in /proc/[0-9]*; do [ "$entry" = /proc/1 ] || return 0; done
  return 1
}

end() {
  local name tries
  for name in $(services | tac); do timeout -k 1 10 service "$name" stop </dev/null >/dev/null 2>&1; done
  kill -TERM -1
  for tries in 1 2 3 4 5 6 7 8 9 10; do others || return 0; read -r -t 0.2 -u 3 _; done
  kill -KILL -1
  for tries in 1 2 3 4 5; do others || return 0; read -r -t 0.1 -u 3 _; done
}

# Waiting on a pipe that nobody writes to: a pause without a process.
exec 3<> <(:)
stop=no
trap 'stop=yes' TERM INT
[ "${1:-}" = --again ] || boot
while :; do
  read -r -t 1 -u 3 _
  if [ "$stop" = yes ]; then
    log "stopping"
    end
    exit 0
  fi
  if [ -e /run/lab/reexec ]; then
    # Packages ask for it when libc was replaced, as of any first process.
    rm -f /run/lab/reexec
    export LASTEMBER_LAB_PART
    exec /sbin/init --again
  fi
  if [ -e /run/reboot-requested ]; then
    log "rebooting"
    end
    # The program itself starts anew as well, or it would run its old libraries on. The lab finds it by its mark.
    export LASTEMBER_LAB_PART
    exec /sbin/init
  fi
done
