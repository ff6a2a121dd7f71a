import { basename, dirname } from 'node:path';
import { AGENT_PATHS, AGENT_PROGRAMS, AGENT_SERVICE_FILES } from '../model/agent-paths.ts';
import { serviceEnds } from '../model/agent-service.ts';
import { fireAll } from './access/guard.ts';
import { readText, type Host } from './host.ts';

const COMMAND_MS = 90_000;

interface TakeOff {
  /** settings to remove as well; null: they stay */
  config: string | null;
  /** removes the agent's state, a directory, as this host wants it */
  eraseState(): Promise<void>;
}

/**
 * Stops the agent for good and removes its state, its service and its program, whichever way it came and whatever runs
 * it. Whatever waits for a login to be confirmed is put back before what it needs is removed. What is gone already is no error, so that it can be done again.
 */
export async function takeAgentOff(host: Host, { config, eraseState }: TakeOff): Promise<void> {
  const { end, after } = serviceEnds({
    initScript: await readText(host, AGENT_PATHS.initScript),
    control: (await host.stat(AGENT_PATHS.control)) !== null,
    rcLocal: (await readText(host, AGENT_PATHS.rcLocal))?.includes(AGENT_PATHS.control) === true,
  });
  for (const argv of end) await host.exec(argv, { timeoutMs: COMMAND_MS }).catch(() => null);
  await fireAll(host, 'the agent was uninstalled');
  await eraseState();
  const paths = [
    ...AGENT_SERVICE_FILES,
    ...(await logs(host)),
    ...(config === null ? [] : [config]),
    ...AGENT_PROGRAMS,
  ];
  for (const path of paths) await host.remove(path);
  for (const argv of after) await host.exec(argv, { timeoutMs: COMMAND_MS }).catch(() => null);
}

/** With those that were rotated. */
async function logs(host: Host): Promise<string[]> {
  const dir = dirname(AGENT_PATHS.log);
  const names = (await host.list(dir)) ?? [];
  return names.filter((name) => name.startsWith(basename(AGENT_PATHS.log))).map((name) => `${dir}/${name}`);
}
