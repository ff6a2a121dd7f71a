import { AGENT_PATHS } from '../../../../model/agent-paths.ts';

/**
 * Starts and stops the agent under its own supervisor: as an init script, and by itself where there is nothing that runs
 * init scripts. It needs a POSIX shell and nothing else. `LASTEMBER_ROOT` is put before its paths, for tests.
 */
export const controlScript = (command: string): string => SCRIPT.replaceAll('@COMMAND@', command);

const SCRIPT = `#!/bin/sh
### BEGIN INIT INFO
# Provides:          lastember-agent
# Required-Start:    $remote_fs $network
# Required-Stop:     $remote_fs $network
# Should-Start:      $named $syslog $time
# Should-Stop:       $named $syslog
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Lastember agent
# Description:       Reports on this host and carries out approved changes.
### END INIT INFO
# chkconfig: 2345 90 10
# description: Reports on this host and carries out approved changes.

PATH=/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin
export PATH
ROOT="\${LASTEMBER_ROOT:-}"
CONFIG="$ROOT${AGENT_PATHS.config}"
PIDFILE="$ROOT${AGENT_PATHS.pid}"
LOG="$ROOT${AGENT_PATHS.log}"
MALLOC_ARENA_MAX=1
UV_THREADPOOL_SIZE=2
export MALLOC_ARENA_MAX UV_THREADPOOL_SIZE

agent() {
	@COMMAND@ "$@"
}

# The number may belong to another process by now: after a crash, or after a reboot where the file outlives it.
running() {
	pid=$(cat "$PIDFILE" 2>/dev/null) || return 1
	case "$pid" in '' | *[!0-9]*) return 1 ;; esac
	kill -0 "$pid" 2>/dev/null || return 1
	[ ! -r "/proc/$pid/cmdline" ] || tr '\\0' ' ' <"/proc/$pid/cmdline" | grep -q lastember-agent
}

start() {
	if running; then
		echo "lastember-agent runs already ($pid)"
		return 0
	fi
	umask 077
	mkdir -p "$ROOT${AGENT_PATHS.state}" "\${PIDFILE%/*}" "\${LOG%/*}" || return 1
	cd / || return 1
	if command -v setsid >/dev/null 2>&1; then
		setsid @COMMAND@ supervise --config "$CONFIG" --pid-file "$PIDFILE" </dev/null >>"$LOG" 2>&1 &
	else
		agent supervise --config "$CONFIG" --pid-file "$PIDFILE" </dev/null >>"$LOG" 2>&1 &
	fi
	# It writes its number itself: what is started here may not be what goes on.
	left=50
	while [ "$left" -gt 0 ]; do
		if running; then
			echo "lastember-agent started ($pid)"
			return 0
		fi
		left=$((left - 1))
		sleep 0.2 2>/dev/null || sleep 1
	done
	echo "lastember-agent did not start; see $LOG" >&2
	return 1
}

stop() {
	if ! running; then
		rm -f "$PIDFILE"
		echo "lastember-agent does not run"
		return 0
	fi
	kill -TERM "$pid" 2>/dev/null
	left=125
	while kill -0 "$pid" 2>/dev/null; do
		left=$((left - 1))
		if [ "$left" -le 0 ]; then
			echo "lastember-agent ($pid) does not end" >&2
			return 1
		fi
		sleep 0.2 2>/dev/null || sleep 1
	done
	rm -f "$PIDFILE"
	echo "lastember-agent stopped"
}

case "\${1:-}" in
start) start ;;
stop) stop ;;
restart | force-reload)
	stop && start
	;;
try-restart | condrestart)
	if running; then stop && start; fi
	;;
status)
	if running; then
		echo "lastember-agent runs ($pid)"
		exit 0
	fi
	if [ -e "$PIDFILE" ]; then
		echo "lastember-agent is dead, and its pid file is there"
		exit 1
	fi
	echo "lastember-agent does not run"
	exit 3
	;;
*)
	echo "Usage: $0 {start|stop|restart|force-reload|try-restart|status}" >&2
	exit 2
	;;
esac
`;

export const LOGROTATE = `${AGENT_PATHS.log} {
	size 1M
	rotate 2
	missingok
	notifempty
	copytruncate
	compress
}
`;
