import { AGENT_PATHS } from '../../../../model/agent-paths.ts';

/**
 * systemd unit of the agent. It installs packages and restarts services, so it runs as root, and what it starts runs with
 * its limits. What is not here, and why: see docs/decisions/0045-what-the-unit-forbids.md.
 */
// KillMode: a package manager that it started goes on when the agent is stopped, or packages would be left half-way.
// OOMPolicy: where memory ends in a package's script, the agent stays to tell.
// LimitCORE: a core file would hold its private key.
export function systemdUnit(command: string): string {
  return `[Unit]
Description=Lastember agent
Documentation=file:${AGENT_PATHS.config}
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart=${command} run --config ${AGENT_PATHS.config}
Restart=on-failure
RestartSec=5
KillMode=process
OOMPolicy=continue
UMask=0077
StateDirectory=lastember
StateDirectoryMode=0700
Environment=MALLOC_ARENA_MAX=1 UV_THREADPOOL_SIZE=2
LimitCORE=0
LockPersonality=yes
RestrictRealtime=yes
CapabilityBoundingSet=~CAP_SYS_TIME CAP_WAKE_ALARM CAP_BLOCK_SUSPEND CAP_SYS_PACCT

[Install]
WantedBy=multi-user.target
`;
}
