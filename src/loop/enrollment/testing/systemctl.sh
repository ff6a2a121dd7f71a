#!/bin/sh
# Stands in for systemd in a box without one: starts and stops the agent's unit for real, and remembers what it was told.
echo "$*" >>/run/systemctl.log
if [ -e /run/systemctl.broken ] && [ "$1" != --version ] && [ "$1" != is-system-running ]; then
  echo "Failed to $1: played broken" >&2
  exit 1
fi
now='' verb='' unit=''
for word in "$@"; do
  case $word in
    --now) now=1 ;;
    -*) ;;
    *) if [ -z "$verb" ]; then verb=$word; else unit=$word; fi ;;
  esac
done
file=/etc/systemd/system/$unit
[ -e "$file" ] || file=/lib/systemd/system/$unit
wants=/etc/systemd/system/multi-user.target.wants

running() { [ -s /run/unit.pid ] && kill -0 "$(cat /run/unit.pid)" 2>/dev/null; }
start() {
  running && return 0
  command=$(sed -n 's/^ExecStart=//p' "$file")
  [ -n "$command" ] || exit 5
  setsid $command </dev/null >/run/unit.log 2>&1 &
  echo $! >/run/unit.pid
}
stop() {
  running || return 0
  pid=$(cat /run/unit.pid)
  kill "$pid"
  n=0
  while kill -0 "$pid" 2>/dev/null && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
  rm -f /run/unit.pid
}

case $verb in
  is-system-running) cat /run/systemctl.state 2>/dev/null || echo running ;;
  start) start ;;
  stop) stop ;;
  restart) stop; start ;;
  enable) mkdir -p "$wants"; ln -sf "$file" "$wants/$unit"; [ -z "$now" ] || start ;;
  disable) [ -z "$now" ] || stop; rm -f "$wants/$unit"; rmdir "$wants" 2>/dev/null ;;
  is-active) running ;;
esac
