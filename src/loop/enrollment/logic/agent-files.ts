import { AGENT_PATHS, AGENT_UNIT } from '../../../model/agent-paths.ts';
import { systemdUnit } from './service/systemd.ts';

/** What an installed agent consists of, and how it is started and stopped: for installer, packages and uninstalling. */
export interface AgentFiles {
  /** the program; `from`: which of our files it is */
  program: { path: string; from: 'bundle' | 'runtime'; mode: number }[];
  /** how the program is called */
  command: string;
  unit: { path: string; text: string; mode: number };
  /** the link by which the unit is enabled where no service manager runs, as in an image */
  enabled: { path: string; target: string };
  config: string;
  state: string;
  reload: string[];
  start: string[][];
  stop: string[][];
}

/** `runtime`: the Node that runs it; ours unless the host has one. */
export function agentFiles(runtime: string = AGENT_PATHS.runtime): AgentFiles {
  const command = `${runtime} ${AGENT_PATHS.bundle}`;
  return {
    program: [
      { path: AGENT_PATHS.bundle, from: 'bundle', mode: 0o644 },
      { path: AGENT_PATHS.runtime, from: 'runtime', mode: 0o755 },
    ],
    command,
    unit: { path: AGENT_PATHS.unit, text: systemdUnit(command), mode: 0o644 },
    enabled: { path: AGENT_PATHS.enabled, target: AGENT_PATHS.unit },
    config: AGENT_PATHS.config,
    state: AGENT_PATHS.state,
    reload: ['systemctl', 'daemon-reload'],
    start: [
      ['systemctl', 'enable', AGENT_UNIT],
      ['systemctl', 'restart', AGENT_UNIT],
    ],
    stop: [['systemctl', 'disable', '--now', AGENT_UNIT]],
  };
}
