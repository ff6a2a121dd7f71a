import { AGENT_PATHS } from '../../../../model/agent-paths.ts';

/** OpenRC service of the agent: supervise-daemon starts it again when it fails. */
export function openrcScript(command: string): string {
  const [program, ...args] = command.split(' ');
  return `#!/sbin/openrc-run
# Lastember agent: reports on this host and carries out approved changes.

name="Lastember agent"
description="Reports on this host and carries out approved changes"
supervisor="supervise-daemon"
command="${program}"
command_args="${[...args, 'run', '--config', AGENT_PATHS.config].join(' ')}"
pidfile="/run/lastember-agent.pid"
output_log="${AGENT_PATHS.log}"
error_log="${AGENT_PATHS.log}"
respawn_delay=5
respawn_max=0
umask=0077
retry="TERM/20/KILL/5"
export MALLOC_ARENA_MAX=1 UV_THREADPOOL_SIZE=2

depend() {
	use net dns logger
	after firewall
}

start_pre() {
	checkpath --directory --mode 0700 --owner root:root ${AGENT_PATHS.state}
	checkpath --file --mode 0600 --owner root:root ${AGENT_PATHS.log}
}
`;
}
