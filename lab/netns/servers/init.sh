#!/bin/bash
# The first process of a server's namespaces: starts it, says when all its ports are there, and keeps it until the end.
ulimit -n 1024
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
mkdir -p /run/lab /run/lock
chmod 1777 /tmp /run/lock
group() { grep -q "^$1:" /etc/group || echo "$1:x:$((next += 1)):" >>/etc/group; }
user() {
  group "$1"
  grep -q "^$1:" /etc/passwd || echo "$1:x:$((next += 1)):$(grep "^$1:" /etc/group | cut -d: -f3):$1:/tmp:/usr/sbin/nologin" >>/etc/passwd
}
next=900
. /etc/lab/start.sh

there() {
  while read -r kind port; do
    ss -Hln"$kind" "sport = :$port" | grep -q . || return 1
  done </etc/lab/ports
}
for _ in $(seq 600); do
  there && touch /run/lab/ready && break
  sleep 0.1
done
# Whatever a server leaves behind is taken off the list of the dead.
while :; do wait -n 2>/dev/null || sleep 1; done
