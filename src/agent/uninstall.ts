import { rmdir, rm } from 'node:fs/promises';
import { takeAgentOff } from '../host/agent-off.ts';
import { readText } from '../host/host.ts';
import type { LocalHost } from '../host/local.ts';
import { openBelow } from '../host/tasks/kept.ts';
import { AGENT_DIRS, AGENT_PACKAGE_MARK } from '../model/agent-paths.ts';
import { AppError } from '../model/errors/index.ts';
import type { AgentConfig } from './config.ts';
import { sayGoodbye } from './goodbye.ts';
import type { State } from './state.ts';

const COMMANDS: Record<string, string> = { deb: 'apt-get purge lastember-agent', rpm: 'rpm -e lastember-agent' };

export interface Uninstalling {
  host: LocalHost;
  config: AgentConfig;
  configPath: string;
  state: State;
  keepConfig: boolean;
  /** even in the middle of a change */
  force: boolean;
  reason: string;
}

/**
 * Takes the agent off this host: the server is told first, while there is a key to sign with; then the service, then every
 * path of ours. Refused in the middle of a change; whatever waits for a login to be confirmed is put back first. What is gone already is no error, so that it can be run again. Returns whether the server heard of it.
 */
export async function uninstall(what: Uninstalling): Promise<boolean> {
  const { host, state, configPath, keepConfig } = what;
  const packaged = (await readText(host, AGENT_PACKAGE_MARK, 4096))?.trim();
  if (packaged)
    throw new AppError('UNINSTALL_PACKAGED', {
      host: 'this host',
      format: packaged,
      command: COMMANDS[packaged] ?? `the package manager of ${packaged}`,
    });
  const open = what.force ? [] : await openBelow(host, state.dir);
  if (open.length > 0) throw new AppError('UNINSTALL_MIDWAY', { host: 'this host', what: open.join(', ') });
  const heard = await sayGoodbye(what, { kind: 'uninstalled', reason: what.reason, shutdown: false });
  await takeAgentOff(host, {
    config: keepConfig ? null : configPath,
    eraseState: () => rm(host.real(state.dir), { recursive: true, force: true }),
  });
  // Somebody else's file in them keeps them.
  for (const dir of AGENT_DIRS) await rmdir(host.real(dir)).catch(() => {});
  return heard !== null;
}
