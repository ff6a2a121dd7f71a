import type { Actor } from '../../model/actor.ts';
import {
  AGENT_DIRS,
  AGENT_PACKAGE_MARK,
  AGENT_PATHS,
  AGENT_PROGRAMS,
  AGENT_SERVICE_FILES,
} from '../../model/agent-paths.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Host } from '../../model/estate.ts';
import type { Platform } from '../../platform/context.ts';
import type { SshHost } from '../../host/ssh/index.ts';
import { takeAgentOff } from '../../host/agent-off.ts';
import { readText } from '../../host/host.ts';
import { openBelow } from '../../host/tasks/kept.ts';
import type { Discovery } from '../discovery/index.ts';
import { type Step, withinDeadline } from './deadline.ts';
import type { AgentRecord } from './face.ts';
import { leave } from './goodbye.ts';
import { mayBeTriedUnnamed } from './logic/binding.ts';
import { reach } from './login.ts';
import { HOST_NODES } from './site.ts';
import { credentials, type CredentialRow } from './store-login.ts';
import { orderLeaving, withdrawOrder } from './store-leaving.ts';
import { agentByHost, agentById } from './store.ts';

const REMOVE_COMMANDS: Record<string, { argv: string[]; text: string }> = {
  deb: { argv: ['dpkg', '--purge', 'lastember-agent'], text: 'dpkg --purge lastember-agent' },
  rpm: { argv: ['rpm', '-e', 'lastember-agent'], text: 'rpm -e lastember-agent' },
};
const COMMAND_MS = 120_000;
/** The one who asks waits for the answer. */
const MOST_SECONDS = 240;

export interface UninstallInput {
  reason: string;
  credentials?: string[] | undefined;
}

/**
 * Takes the agent off a host over SSH, with the logins that deploying uses. Ordered on the trail first, so that the
 * agent's goodbye is no alarm; done when none of its paths are there any more.
 */
export async function uninstallFrom(
  platform: Platform,
  discovery: Discovery,
  actor: Actor,
  hostId: string,
  input: UninstallInput,
): Promise<{ credential: string; told: boolean }> {
  const host = await discovery.host(hostId);
  if (!host) throw new AppError('NOT_FOUND', { what: 'host', id: hostId, list: 'hosts' });
  const logins = await loginsFor(platform, input.credentials);
  const agent = await agentByHost(platform.db, hostId);
  await order(platform, actor, host, agent, input.reason);
  try {
    const limit = {
      host: host.name,
      seconds: Math.min(platform.config.deploySeconds, MOST_SECONDS),
      code: 'UNINSTALL_DEADLINE' as const,
    };
    const credential = await withinDeadline(limit, async (step, hold) => {
      const { remote, credential: used } = await reach(platform, discovery, host, logins, step);
      hold(() => void remote.close().catch(() => undefined));
      await remove(host, remote, input.reason, step);
      return used.name;
    });
    return { credential, told: await settle(platform, discovery, actor, agent, input.reason) };
  } catch (error) {
    await withdraw(platform, actor, host, agent, error);
    throw error;
  }
}

async function loginsFor(platform: Platform, names: string[] | undefined): Promise<CredentialRow[]> {
  const all = await credentials(platform.db);
  const missing = names?.find((name) => !all.some((row) => row.name === name));
  if (missing) throw new AppError('NOT_FOUND', { what: 'credential', id: missing, list: 'credential list' });
  const chosen = names ? names.map((name) => all.find((row) => row.name === name)!) : all.filter(mayBeTriedUnnamed);
  if (chosen.length === 0) throw new AppError('DEPLOY_NO_CREDENTIAL');
  return chosen;
}

async function order(
  platform: Platform,
  actor: Actor,
  host: Host,
  agent: AgentRecord | null,
  reason: string,
): Promise<void> {
  const subject = { kind: 'host' as const, id: host.id, name: host.name };
  const related = agent ? [{ kind: 'agent' as const, id: agent.id }] : [];
  const entry = { type: 'enrollment.uninstall.ordered', subject, related, reason };
  await platform.act(actor, entry, async (tx) => {
    if (agent) await orderLeaving(tx.db, agent.id, actor.name, tx.now);
  });
}

/** Its own program knows best; where that does not run any more, the same is done by hand. */
async function remove(host: Host, remote: SshHost, reason: string, step: Step): Promise<void> {
  step('looking for its agent');
  const packaged = (await readText(remote, AGENT_PACKAGE_MARK))?.trim();
  if (!packaged && (await whatIsLeft(remote)).length === 0)
    throw new AppError('UNINSTALL_NOTHING', { host: host.name });
  const open = await openBelow(remote, AGENT_PATHS.state);
  if (open.length > 0) throw new AppError('UNINSTALL_MIDWAY', { host: host.name, what: open.join(', ') });
  step('removing its agent');
  if (packaged) return removePackage(host, remote, packaged);
  if (!(await removeItself(remote, reason))) await removeByHand(remote);
  const left = await whatIsLeft(remote);
  if (left.length > 0) throw new AppError('UNINSTALL_LEFT', { host: host.name, paths: left.join(', ') });
}

/** By the agent's own program: as one file, or with whichever Node it was installed for. False: none of them could. */
async function removeItself(remote: SshHost, reason: string): Promise<boolean> {
  const nodes = [AGENT_PATHS.runtime, ...HOST_NODES];
  for (const [program, ...more] of [[AGENT_PATHS.program], ...nodes.map((node) => [node, AGENT_PATHS.bundle])]) {
    const argv = [program!, ...more, 'uninstall', '--config', AGENT_PATHS.config, '--reason', reason];
    if ((await remote.stat(more[0] ?? program!)) === null) continue;
    const ran = await remote.exec(argv, { timeoutMs: COMMAND_MS }).catch(() => null);
    if (ran?.code === 0) return true;
  }
  return false;
}

async function removePackage(host: Host, remote: SshHost, format: string): Promise<void> {
  const known = REMOVE_COMMANDS[format];
  if (!known) throw new AppError('UNINSTALL_PACKAGED', { host: host.name, format, command: 'its package manager' });
  const ran = await remote.exec(known.argv, { timeoutMs: COMMAND_MS });
  if (ran.code !== 0)
    throw new AppError(
      'UNINSTALL_PACKAGED',
      { host: host.name, format, command: known.text },
      { cause: new Error(ran.stderr) },
    );
}

async function removeByHand(remote: SshHost): Promise<void> {
  await takeAgentOff(remote, {
    config: AGENT_PATHS.config,
    eraseState: async () => void (await remote.exec(['rm', '-rf', AGENT_PATHS.state], { timeoutMs: COMMAND_MS })),
  });
  await remote.exec(['rmdir', ...AGENT_DIRS], { timeoutMs: COMMAND_MS });
}

async function whatIsLeft(remote: SshHost): Promise<string[]> {
  const paths = [...AGENT_SERVICE_FILES, AGENT_PATHS.config, AGENT_PATHS.state, ...AGENT_PROGRAMS];
  const found = await Promise.all(paths.map(async (path) => ((await remote.stat(path)) === null ? [] : [path])));
  return found.flat();
}

/** The agent said goodbye itself, or could not. True: it did. */
async function settle(
  platform: Platform,
  discovery: Discovery,
  actor: Actor,
  agent: AgentRecord | null,
  reason: string,
): Promise<boolean> {
  if (!agent) return false;
  const silent = await platform.observe(actor, async (tx) => {
    const now = await agentById(tx.db, agent.id);
    return now !== null && (await leave(discovery, tx, now, { by: actor.name, why: reason, told: null }));
  });
  return !silent;
}

async function withdraw(
  platform: Platform,
  actor: Actor,
  host: Host,
  agent: AgentRecord | null,
  error: unknown,
): Promise<void> {
  const subject = { kind: 'host' as const, id: host.id, name: host.name };
  const why = error instanceof AppError ? error.message : 'something unforeseen; see the log';
  if (!(error instanceof AppError)) platform.log.error({ err: error, hostId: host.id }, 'uninstalling an agent broke');
  await platform.act(actor, { type: 'enrollment.uninstall.failed', subject, detail: { why } }, async (tx) => {
    if (agent) await withdrawOrder(tx.db, agent.id);
  });
}
