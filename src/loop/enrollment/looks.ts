import { collectFacts } from '../../host/facts/collect.ts';
import type { SshHost } from '../../host/ssh/index.ts';
import { systemActor } from '../../model/actor.ts';
import { AppError, isAppError } from '../../model/errors/index.ts';
import type { Host } from '../../model/estate.ts';
import type { Section } from '../../model/facts.ts';
import { plainText } from '../../model/text.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { type Step, withinDeadline } from './deadline.ts';
import { cacheOf, type FactCaches } from './fact-caches.ts';
import { freshenLists } from './freshen-lists.ts';
import { LOOK_ORDER, missedBy, nextLook, withRest } from './logic/agentless.ts';
import { reach } from './login.ts';
import { type Claimed, claimLook, holdAccess, noteFailedLook, noteGoodLook } from './store-access.ts';
import { credentials } from './store-login.ts';

const LOOK_SECONDS = 180;
/** Longer than any look: whoever claimed one and did not come back is dead. */
const CLAIM_MS = (LOOK_SECONDS + 60) * 1000;
/** Said once, when it has lasted: one look may meet a reboot. */
const LOST_AFTER_LOOKS = 3;
const ACTOR = systemActor('enrollment.agentless');

export interface Looker {
  platform: Platform;
  discovery: Discovery;
  caches: FactCaches;
}

/**
 * Stores what a look brought. `holds` is asked inside the transaction: a host that got an agent meanwhile, or is not looked
 * after any more, is not told of by an old look.
 */
export type TakeLook = (sections: Section[], holds: (tx: Tx) => Promise<boolean>) => Promise<unknown>;

/** Who sees only a part would call the rest clean. */
export async function mustBeRoot(host: Host, remote: SshHost, step: Step): Promise<void> {
  step('looking at the machine');
  const { stdout } = await remote.exec(['id', '-u'], { timeoutMs: 15_000 });
  if (stdout.trim() !== '0') throw new AppError('DEPLOY_NOT_ROOT', { host: host.name, uid: stdout.trim() });
}

// Not waited for: a server that is silent would not say goodbye either.
export const hangUp =
  (remote: SshHost): (() => void) =>
  () =>
    void remote.close().catch(() => undefined);

/**
 * One look at a host without an agent, if one is due or was asked for: its facts, as its agent would send them, are given
 * to `take`. A look that does not succeed is noted with its reason; what is known of the host stays. Returns whether
 * another look was asked for meanwhile.
 */
export async function lookOver(looker: Looker, hostId: string, take: TakeLook): Promise<boolean> {
  const { platform, discovery } = looker;
  const now = platform.now();
  const access = await claimLook(platform.db, hostId, now, new Date(now.getTime() + CLAIM_MS));
  const host = access && (await discovery.host(hostId));
  if (!access || !host) return false;
  try {
    const sections = await collect(looker, host, access);
    await take(sections, (tx) => holdAccess(tx.db, access));
    const missed = missedBy(sections);
    if (missed !== null) throw new AppError('LOOK_INCOMPLETE', { host: host.name, why: missed });
    return await cameThrough(looker, host, access);
  } catch (error) {
    if (!(error instanceof AppError)) platform.log.error({ err: error, hostId }, 'a look over SSH broke');
    return fellSilent(looker, host, access, plainText((error as Error).message));
  }
}

/** When time is up, what has come counts, and the rest says why it did not. */
async function collect(looker: Looker, host: Host, access: Claimed): Promise<Section[]> {
  const { platform, discovery } = looker;
  const login = (await credentials(platform.db)).filter((row) => row.id === access.credentialId);
  const came: Section[] = [];
  const now = (): Date => platform.now();
  try {
    await withinDeadline({ host: host.name, seconds: LOOK_SECONDS, code: 'LOOK_DEADLINE' }, async (step, hold) => {
      const { remote } = await reach(platform, discovery, host, login, step);
      hold(hangUp(remote));
      await mustBeRoot(host, remote, step);
      const key = `${host.id} ${access.since} ${remote.hostKey}`;
      step('fetching its package lists');
      await freshenLists(remote, { caches: looker.caches, key }, now());
      step('reading its facts');
      const cache = cacheOf(looker.caches, key);
      await collectFacts(remote, { now, cache, names: LOOK_ORDER, onSection: (section) => void came.push(section) });
    });
    return came;
  } catch (error) {
    if (came.length === 0 || !isAppError(error, 'LOOK_DEADLINE')) throw error;
    return withRest([...came], error.message, now());
  }
}

async function cameThrough({ platform, discovery }: Looker, host: Host, access: Claimed): Promise<boolean> {
  return platform.observe(ACTOR, async (tx) => {
    if (!(await holdAccess(tx.db, access))) return false;
    const asked = await noteGoodLook(tx.db, access, tx.now, nextLook(tx.now, 0, host.id));
    if ((await discovery.host(host.id))?.management === 'managed') return asked;
    await discovery.setManagement(tx, host.id, 'managed', `looked after over SSH again`);
    await tx.record({
      type: 'enrollment.access.back',
      subject: { kind: 'host', id: host.id, name: host.name },
      detail: { lastLook: access.lastLook },
    });
    return asked;
  });
}

async function fellSilent(looker: Looker, host: Host, access: Claimed, why: string): Promise<boolean> {
  const { platform, discovery } = looker;
  return platform.observe(ACTOR, async (tx) => {
    if (!(await holdAccess(tx.db, access))) return false;
    const next = (failures: number): Date => nextLook(tx.now, failures, host.id);
    const { failures, asked } = await noteFailedLook(tx.db, access, why, next);
    const management = (await discovery.host(host.id))?.management;
    if (failures < LOST_AFTER_LOOKS || management !== 'managed') return asked;
    await discovery.setManagement(tx, host.id, 'lost', `it could not be looked at over SSH: ${why}`);
    await tx.record({
      type: 'enrollment.access.lost',
      subject: { kind: 'host', id: host.id, name: host.name },
      detail: { why, lastLook: access.lastLook, failures },
    });
    return asked;
  });
}
