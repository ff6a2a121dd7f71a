import { setTimeout as sleep } from 'node:timers/promises';
import { systemActor } from '../../model/actor.ts';
import type { Deps } from './deps.ts';
import { socketOf } from './logic/listeners.ts';
import type { PlannedHost } from './logic/planner.ts';

/** An agent that is there answers within a second or two. */
const TRIES = 20;
const PAUSE_MS = 500;

/**
 * A look at a host while a service restarts shows its listener without a program, or not at all: a plan made of that would
 * leave it out. Such hosts are asked to look once more; true when one of them did, so that there is something new to plan
 * from. A listener whose program stays unknown is then left out with its reason.
 */
export async function lookAgain(deps: Deps, hosts: readonly PlannedHost[]): Promise<boolean> {
  const { audit, platform } = deps;
  const unsettled = hosts.filter(isUnsettled).map((host) => host.id);
  if (unsettled.length === 0) return false;
  const lookedAt = async (ids: Iterable<string>): Promise<Map<string, string>> =>
    new Map(
      (await audit.factsOf([...ids], ['sockets'])).map((one) => [one.hostId, one.meta.sockets?.collectedAt ?? '']),
    );
  const known = await lookedAt(unsettled);
  const before = new Map(unsettled.map((hostId) => [hostId, known.get(hostId)]));
  await platform.observe(systemActor('change.plan'), async (tx) => {
    for (const hostId of unsettled) await audit.requestFacts(tx, hostId);
  });
  for (let tries = 0; tries < TRIES && before.size > 0; tries++) {
    await sleep(PAUSE_MS);
    const now = await lookedAt(before.keys());
    for (const [hostId, at] of before) if (now.get(hostId) !== at) before.delete(hostId);
  }
  return before.size < unsettled.length;
}

const isUnsettled = ({ agentId, facts, listeners }: PlannedHost): boolean =>
  agentId !== null && listeners.some((listener) => (socketOf(facts, listener)?.package ?? null) === null);
