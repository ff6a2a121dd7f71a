import { shellQuote } from '../quote.ts';

/**
 * Scripts for the other side, for any POSIX shell with coreutils or BusyBox. `run` is lost with a reboot, as are the
 * processes that it tells of; what has to outlive one lies in /var/lib/lastember. A tree that stands for a machine says
 * where it is, as for local commands.
 */
const HERE = `here="\${LASTEMBER_HOST_ROOT:-}"; run="$here/run/lastember"; [ -d "$here/run" ] || run="$here/var/lib/lastember/run"`;
/** A process by more than its number, which another may get. */
const PROCESSES = `started() { s=$(cat "/proc/$1/stat" 2>/dev/null) || return 1; set -- \${s##*) }; [ "$1" != Z ] || return 1; shift 19; echo "$1"; }
alive() { [ -n "$1" ] && [ "$(started "$1")" = "$2" ]; }`;
const MINE = `[ "$(cat "$run/lock/token" 2>/dev/null)" = "$token" ]`;

/** No room, or nothing may be written. */
export const NO_ROOM = 96;
/** Somebody else holds the host by now. */
export const NOT_MINE = 97;
/** The command, and whoever watched it, was killed. */
export const NO_RESULT = 98;

/**
 * `LOCK token who name`: says `held` and holds the host until its input ends, which it does with the connection; or says
 * `busy` and by whom. An earlier holder for the same `who` that still hangs on a dead connection is ended.
 */
export const LOCK = `token=$1 who=$2 name=$3
${HERE}
${PROCESSES}
mkdir -p "\${run%/*}" && { [ -d "$run" ] || mkdir -m 700 "$run"; } || exit ${NO_ROOM}
lock="$run/lock"
take() {
  mkdir -m 700 "$lock" 2>/dev/null || return 1
  printf '%s\\n' "$who" >"$lock/who" && printf '%s\\n' "$name" >"$lock/name" && printf '%s' "$token" >"$lock/token" &&
    echo "$$ $(started $$)" >"$lock/pid" || { free; exit ${NO_ROOM}; }
}
free() { mv "$lock" "$lock.$token" 2>/dev/null && rm -rf "$lock.$token"; }
tries=0
until take; do
  tries=$((tries + 1))
  p= t= old=
  [ ! -e "$lock/pid" ] || read -r p t <"$lock/pid"
  [ ! -e "$lock/who" ] || read -r old <"$lock/who"
  if [ -z "$p" ]; then
    if [ $tries -gt 3 ]; then free; else sleep 1; fi
  elif ! alive "$p" "$t"; then free
  elif [ "$old" = "$who" ] && [ $tries -le 10 ]; then kill -TERM "$p"; [ $tries -le 5 ] || kill -KILL "$p"; sleep 1
  else echo "busy $(cat "$lock/name")"; exit 0
  fi
done
exec 3<&0
cat <&3 >/dev/null & reader=$!
bye() { kill "$reader" 2>/dev/null; ${MINE} && free; exit 0; }
trap bye TERM HUP INT PIPE
echo held
wait "$reader"
bye`;

/** Has no tie to whoever asked: it ends by itself or at its limit, and writes down how. */
const RUNNER = `d=$1 limit=$2; shift 2
${PROCESSES}
command -v setsid >/dev/null 2>&1 || { trap '' HUP; setsid() { "$@"; }; }
echo "$$ $(started $$)" >"$d/pid.new" && mv "$d/pid.new" "$d/pid" || exit 1
setsid /bin/sh -c 'exec "$@"' sh "$@" <"$d/in" >"$d/out" 2>"$d/err" & c=$!
setsid /bin/sh -c 'sleep "$1"; : >"$2/late"; kill -TERM -- "-$3" || kill -TERM "$3"; sleep 3; kill -KILL -- "-$3" || kill -KILL "$3"' sh "$limit" "$d" "$c" >/dev/null 2>&1 & w=$!
wait "$c"; rc=$?
kill -KILL -- "-$w" 2>/dev/null || kill -KILL "$w" 2>/dev/null
echo "$rc" >"$d/rc.new" && mv "$d/rc.new" "$d/rc"`;

const TELL = `[ -e "$d/rc" ] || exit ${NO_RESULT}
read -r rc <"$d/rc"; late=; [ ! -e "$d/late" ] || late=late
echo "$rc $late"
head -c "$most" "$d/out"
head -c "$most" "$d/err" >&2`;

/**
 * `START done id key token size limit most argv…`: runs a command that goes on when the connection ends, waits for its end
 * and tells code and output. First its directory, then the look at the lock: whoever takes the lock looks for directories
 * after that, so one of the two sees the other.
 */
export const START = `gone=$1 id=$2 key=$3 token=$4 size=$5 limit=$6 most=$7; shift 7
${HERE}
for old in $gone; do rm -rf "$run/jobs/$old"; done
d="$run/jobs/$id"
{ [ -d "$run/jobs" ] || mkdir -m 700 "$run/jobs"; } && mkdir "$d" && printf '%s\\n' "$key" >"$d/key" && cat >"$d/in" || exit ${NO_ROOM}
if [ "$(wc -c <"$d/in")" -ne "$size" ]; then rm -rf "$d"; exit ${NO_ROOM}; fi
${MINE} || { rm -rf "$d"; exit ${NOT_MINE}; }
command -v setsid >/dev/null 2>&1 || setsid() { "$@"; }
setsid /bin/sh -c ${shellQuote(RUNNER)} sh "$d" "$limit" "$@" </dev/null >/dev/null 2>&1 &
wait $!
${TELL}`;

/** `COLLECT id most`: what came of a command that was cut off from us and has ended. */
export const COLLECT = `id=$1 most=$2
${HERE}
d="$run/jobs/$id"
${TELL}`;

/** Every command that an earlier connection left behind, one a line: id, key, and `running`, `done` or `gone`. */
export const LEFT = `${HERE}
${PROCESSES}
state() {
  [ ! -e "$1/rc" ] || { echo done; return; }
  p= t=
  [ ! -e "$1/pid" ] || read -r p t <"$1/pid"
  if [ -z "$p" ]; then sleep 2; [ ! -e "$1/pid" ] || read -r p t <"$1/pid"; fi
  if alive "$p" "$t"; then echo running; elif [ -e "$1/rc" ]; then echo done; else echo gone; fi
}
for n in 1 2 3 4 5 6 7 8 9 10; do
  text= busy=
  for d in "$run"/jobs/*; do
    [ -d "$d" ] || continue
    s=$(state "$d"); [ "$s" != running ] || busy=1
    key=-; [ ! -e "$d/key" ] || read -r key <"$d/key"
    text="$text\${d##*/} $key $s
"
  done
  [ -n "$busy" ] || break
  sleep 1
done
printf '%s' "$text"`;

/** `CLEAN ids…` */
export const CLEAN = `${HERE}
for old in "$@"; do rm -rf "$run/jobs/$old"; done`;

/** `APPEND path size token`: a whole record or nothing, on the disk when it has answered. */
export const APPEND = `path=$1 size=$2 token=$3
${HERE}
f="$here$path"
umask 077
cat >"$f.add" && [ "$(wc -c <"$f.add")" -eq "$size" ] || { rm -f "$f.add"; exit ${NO_ROOM}; }
${MINE} || exit ${NOT_MINE}
old=0; [ ! -e "$f" ] || old=$(wc -c <"$f")
cat "$f.add" >>"$f" || { dd if=/dev/null of="$f" bs=1 seek="$old" 2>/dev/null; rm -f "$f.add"; exit ${NO_ROOM}; }
rm -f "$f.add"
if [ "$old" -eq 0 ]; then sync; else sync "$f" 2>/dev/null || sync; fi`;
