import { AGENT_PATHS } from '../../../model/agent-paths.ts';
import { systemdUnit } from './service/systemd.ts';

/** What an installed agent consists of, and how it is started: for the installer and for packages. */
export interface AgentFiles {
  /** how the program is called */
  command: string;
  unit: { path: string; text: string; mode: number };
  /** the link by which the unit is enabled where no service manager runs, as in an image */
  enabled: { path: string; target: string };
  config: string;
  state: string;
}

/** `command`: the one file, unless the host's own Node runs the program. */
export function agentFiles(command: string = AGENT_PATHS.program): AgentFiles {
  return {
    command,
    unit: { path: AGENT_PATHS.unit, text: systemdUnit(command), mode: 0o644 },
    enabled: { path: AGENT_PATHS.enabled, target: AGENT_PATHS.unit },
    config: AGENT_PATHS.config,
    state: AGENT_PATHS.state,
  };
}
