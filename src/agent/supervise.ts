import { existsSync } from 'node:fs';
import { wholeEnv } from './env.ts';
import { ownCommand } from './self.ts';

/** Exit code by which the agent asks its supervisor to begin anew, itself included. */
export const BOTH_AGAIN = 75;
const SHELL = '/bin/sh';

/**
 * Runs what follows the pid file, and again whenever it fails, after 1, 2, 4 … 60 seconds; an end without a failure is the
 * end, and 75 means that the shell's own files were replaced: it takes its own place. Only the agent itself is told to stop: a package manager that it started goes on. A shell, since it waits at a
 * fiftieth of what a second Node would hold.
 */
export const SUPERVISOR = `
pidfile=$1
shift
child=
pause=1
LASTEMBER_SUPERVISOR=$$
export LASTEMBER_SUPERVISOR
end() {
  trap '' TERM INT
  if [ -n "$child" ]; then
    kill -TERM "$child" 2>/dev/null
    (sleep 20; kill -KILL "$child") >/dev/null 2>&1 &
    killer=$!
    wait "$child"
    kill -KILL "$killer" 2>/dev/null
  fi
  [ -z "$pidfile" ] || rm -f "$pidfile"
  exit 0
}
trap end TERM INT
trap : HUP
if [ -n "$pidfile" ]; then echo $$ >"$pidfile.new" && mv "$pidfile.new" "$pidfile"; fi
while :; do
  began=$(date +%s)
  "$@" &
  child=$!
  while :; do
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  child=
  if [ "$code" -eq 0 ]; then end; fi
  if [ "$code" -eq 75 ]; then exec /bin/sh -c "$LASTEMBER_SUPERVISE" lastember-agent "$pidfile" "$@"; fi
  if [ $(($(date +%s) - began)) -ge 60 ]; then pause=1; fi
  echo "{\\"level\\":\\"warn\\",\\"message\\":\\"Supervisor starts the agent again\\",\\"code\\":$code,\\"seconds\\":$pause}" >&2
  sleep "$pause" &
  child=$!
  wait "$child"
  child=
  pause=$((pause * 2))
  if [ "$pause" -gt 60 ]; then pause=60; fi
done
`;

/** Becomes the supervisor of the agent; returns only when that is not possible. */
export function supervise(config: string, pidFile: string): number {
  if (!existsSync(SHELL) || process.execve === undefined) {
    process.stderr.write(`Supervising needs ${SHELL} and a Node that can give its place to it.\n`);
    return 1;
  }
  const argv = ['sh', '-c', SUPERVISOR, 'lastember-agent', pidFile, ...ownCommand(), 'run', '--config', config];
  return process.execve(SHELL, argv, { ...wholeEnv(), LASTEMBER_SUPERVISE: SUPERVISOR });
}
