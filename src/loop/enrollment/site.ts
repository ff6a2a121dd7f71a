import { AppError } from '../../model/errors/index.ts';
import { runsAgent } from '../../model/agent-node.ts';
import { AGENT_PATHS } from '../../model/agent-paths.ts';
import type { Host } from '../../model/estate.ts';
import type { SshHost } from '../../host/ssh/index.ts';
import type { Platform } from '../../platform/context.ts';
import type { Step } from './deadline.ts';
import { architecture } from './logic/runtime.ts';
import { serviceManager } from './logic/service/detect.ts';
import { servicePlan, type ServicePlan } from './logic/service/plan.ts';
import { freeMb, NEEDED_MB } from './logic/space.ts';
import type { Architecture } from './onefile/compress.ts';
import { readSigns } from './signs.ts';

/** A host that is worked on. */
export interface Site {
  platform: Platform;
  host: Host;
  remote: SshHost;
  step: Step;
  /** told before the first thing is written to the host */
  touch(): Promise<void>;
}

/** What was found out before anything is written. */
export interface Prospect {
  arch: Architecture;
  /** the host's own Node that runs the agent; null: it gets the agent as one file */
  node: string | null;
  service: ServicePlan;
}

/** Where a host may have a Node of its own. */
export const HOST_NODES = ['/usr/bin/node', '/usr/local/bin/node'];

/** Can this machine run the agent, and how? Refuses with the reason; writes nothing. */
export async function prospect({ host, remote }: Site): Promise<Prospect> {
  const [system, machine, uid] = [
    await run(host, remote, ['uname', '-s']),
    await run(host, remote, ['uname', '-m']),
    await run(host, remote, ['id', '-u']),
  ];
  const arch = architecture(machine);
  if (system.trim() !== 'Linux' || !arch)
    throw new AppError('DEPLOY_PLATFORM', { host: host.name, platform: `${system.trim()} ${machine.trim()}` });
  if (uid.trim() !== '0') throw new AppError('DEPLOY_NOT_ROOT', { host: host.name, uid: uid.trim() });
  const signs = await readSigns(remote);
  const node = await ownNode(remote);
  await mustHaveRoom(host, remote, node === null ? NEEDED_MB.oneFile : NEEDED_MB.bundleOnly);
  const command = node === null ? AGENT_PATHS.program : `${node} ${AGENT_PATHS.bundle}`;
  return { arch, node, service: servicePlan(serviceManager(signs), command, signs.registrar ?? undefined) };
}

async function ownNode(remote: SshHost): Promise<string | null> {
  for (const path of HOST_NODES) {
    const found = await remote.exec([path, '--version'], { timeoutMs: 15_000 });
    if (found.code === 0 && runsAgent(found.stdout)) return path;
  }
  return null;
}

/** Before anything is written: a disk that is full half-way takes the host's own services with it. */
async function mustHaveRoom(host: Host, remote: SshHost, need: number): Promise<void> {
  const path = (await remote.stat('/opt'))?.kind === 'directory' ? '/opt' : '/';
  const told = await remote.exec(['df', '-Pk', path], { timeoutMs: 15_000 });
  // Where nobody can tell, writing will.
  const free = told.code === 0 ? freeMb(told.stdout) : null;
  if (free !== null && free < need) throw new AppError('DEPLOY_NO_SPACE', { host: host.name, path, free, need });
}

export async function run(
  host: Host,
  remote: SshHost,
  argv: readonly string[],
  options: { tolerate?: boolean } = {},
): Promise<string> {
  const result = await remote.exec(argv, { timeoutMs: 60_000 });
  if (result.code !== 0 && !options.tolerate)
    throw new AppError('DEPLOY_COMMAND', {
      host: host.name,
      command: argv.join(' '),
      why: (result.stderr || result.stdout).trim().slice(0, 300) || `exit code ${result.code}`,
    });
  return result.stdout;
}
