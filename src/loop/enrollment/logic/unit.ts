import { AGENT_PATHS } from '../../../model/agent-paths.ts';

export { AGENT_PATHS, AGENT_UNIT } from '../../../model/agent-paths.ts';

/** systemd unit of the agent, run by the given Node. It installs packages and restarts services, so it runs as root. */
// KillMode: a package manager that it started goes on when the agent is stopped, or packages would be left half-way.
export function agentUnit(runtime: string): string {
  return `[Unit]
Description=Lastember agent
Documentation=file:${AGENT_PATHS.config}
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=${runtime} ${AGENT_PATHS.bundle} run --config ${AGENT_PATHS.config}
Restart=on-failure
RestartSec=5
KillMode=process
UMask=0077
StateDirectory=lastember
StateDirectoryMode=0700

[Install]
WantedBy=multi-user.target
`;
}
