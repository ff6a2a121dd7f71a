import { collectFacts } from '../../host/facts/collect.ts';
import type { SshHost } from '../../host/ssh/index.ts';
import { systemActor, type Actor } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Host } from '../../model/estate.ts';
import type { Section } from '../../model/facts.ts';
import type { Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { type Step, withinDeadline } from './deadline.ts';
import { nextLook } from './logic/agentless.ts';
import { reach } from './login.ts';
import { accessOf, type AccessRow, deleteAccess, noteLook, putAccess } from './store-access.ts';
import { type CredentialRow, credentials } from './store-deployment.ts';
import { agentByHost } from './store.ts';

/** A look is some hundred small files and a few commands. */
const LOOK_SECONDS = 180;

/**
 * From now on this host is looked after over SSH. The login is tried first, and must be root. Returns the name of the
 * credential that worked.
 */
export async function adopt(
  platform: Platform,
  discovery: Discovery,
  host: Host,
  allowed: CredentialRow[],
  by: string,
): Promise<string> {
  const agent = await agentByHost(platform.db, host.id);
  if (agent?.state === 'active') throw new AppError('AGENTLESS_HAS_AGENT', { host: host.name, agent: agent.id });
  const limit = { host: host.name, seconds: platform.config.deploySeconds };
  return withinDeadline(limit, async (step, hold) => {
    const { remote, credential } = await reach(platform, discovery, host, allowed, step);
    hold(hangUp(remote));
    await mustBeRoot(host, remote, step);
    const subject = { kind: 'host' as const, id: host.id, name: host.name };
    await platform.act(
      systemActor(`enrollment.deploy for ${by}`),
      { type: 'enrollment.access.granted', subject, detail: { credential: credential.name, host: host.name } },
      async (tx) => {
        await putAccess(tx.db, { hostId: host.id, credentialId: credential.id, at: tx.now, by });
        await discovery.setManagement(
          tx,
          host.id,
          'managed',
          `looked after over SSH as ${credential.username}, without an agent`,
        );
        await tx.enqueue('audit.collect', { hostId: host.id }, { singletonKey: host.id });
        await tx.publish('agents', { hostId: host.id });
      },
    );
    return credential.name;
  });
}

/** Who sees only a part would call the rest clean. */
async function mustBeRoot(host: Host, remote: SshHost, step: Step): Promise<void> {
  step('looking at the machine');
  const { stdout } = await remote.exec(['id', '-u'], { timeoutMs: 15_000 });
  if (stdout.trim() !== '0') throw new AppError('DEPLOY_NOT_ROOT', { host: host.name, uid: stdout.trim() });
}

// Not waited for: a server that is silent would not say goodbye either.
const hangUp =
  (remote: SshHost): (() => void) =>
  () =>
    void remote.close().catch(() => undefined);

/**
 * The facts of a host without an agent, as its agent would send them. Null: it is not looked after over SSH. A look that
 * does not succeed is noted with its reason; what is known of the host stays.
 */
export async function lookOver(platform: Platform, discovery: Discovery, hostId: string): Promise<Section[] | null> {
  const access = await accessOf(platform.db, hostId);
  const host = access && (await discovery.host(hostId));
  if (!access || !host) return null;
  try {
    const sections = await collect(platform, discovery, host, access);
    await cameThrough(platform, discovery, host, access);
    return sections;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    await fellSilent(platform, discovery, host, access, error.message);
    return null;
  }
}

async function collect(platform: Platform, discovery: Discovery, host: Host, access: AccessRow): Promise<Section[]> {
  const login = (await credentials(platform.db)).filter((row) => row.id === access.credentialId);
  return withinDeadline({ host: host.name, seconds: LOOK_SECONDS }, async (step, hold) => {
    const { remote } = await reach(platform, discovery, host, login, step);
    hold(hangUp(remote));
    step('reading its facts');
    return collectFacts(remote, { now: () => platform.now() });
  });
}

async function cameThrough(platform: Platform, discovery: Discovery, host: Host, access: AccessRow): Promise<void> {
  const now = platform.now();
  const look = { lastOk: now, failures: 0, lastError: null, nextAt: nextLook(now, 0, host.id) };
  if (host.management === 'managed') return noteLook(platform.db, host.id, look);
  await platform.act(
    systemActor('enrollment.agentless'),
    {
      type: 'enrollment.access.back',
      subject: { kind: 'host', id: host.id, name: host.name },
      detail: { lastLook: access.lastLook },
    },
    async (tx) => {
      await noteLook(tx.db, host.id, look);
      await discovery.setManagement(tx, host.id, 'managed', `looked after over SSH again`);
    },
  );
}

/** Said once, when it has lasted: one look may meet a reboot. */
async function fellSilent(
  platform: Platform,
  discovery: Discovery,
  host: Host,
  access: AccessRow,
  why: string,
): Promise<void> {
  const now = platform.now();
  const failures = access.failures + 1;
  const look = { failures, lastError: why, nextAt: nextLook(now, failures, host.id) };
  if (failures < LOST_AFTER_LOOKS || host.management !== 'managed') return noteLook(platform.db, host.id, look);
  await platform.act(
    systemActor('enrollment.agentless'),
    {
      type: 'enrollment.access.lost',
      subject: { kind: 'host', id: host.id, name: host.name },
      detail: { why, lastLook: access.lastLook, failures },
    },
    async (tx) => {
      await noteLook(tx.db, host.id, look);
      await discovery.setManagement(tx, host.id, 'lost', `it could not be looked at over SSH: ${why}`);
    },
  );
}

const LOST_AFTER_LOOKS = 3;

/** Its facts stay, and age. */
export async function endAccess(platform: Platform, discovery: Discovery, actor: Actor, host: Host): Promise<void> {
  await platform.act(
    actor,
    { type: 'enrollment.access.ended', subject: { kind: 'host', id: host.id, name: host.name } },
    async (tx) => {
      if (!(await deleteAccess(tx.db, host.id)))
        throw new AppError('NOT_FOUND', { what: 'SSH access', id: host.name, list: 'access list' });
      await discovery.setManagement(tx, host.id, 'unmanaged', 'it is not looked after over SSH any more');
    },
  );
}
