import type { Identifier, Sighting } from '../../model/estate.ts';
import { isAppError } from '../../model/errors/index.ts';
import type { Platform } from '../../platform/context.ts';
import { questions } from './logic/reconcile.ts';
import { newTarget } from '../../scan/probes/contract.ts';
import { sshProbe } from '../../scan/probes/ssh.ts';
import { inParallel } from '../../model/parallel.ts';
import { type LiveScopes, withGuard } from './live-scopes.ts';
import type { Buckets } from './scopes.ts';
import type { Alive } from './sightings.ts';
import { sshPortsAt } from './store-endpoints.ts';
import { hostsAround } from './store-around.ts';

const ASK_MS = 4000;
const MOST_QUESTIONS = 256;

/**
 * A known identity shows up at a new address: did the machine move, or is it a copy? Only a look at its earlier address
 * tells, so we take one, within the scopes, before deciding.
 */
export async function askEarlierAddresses(
  platform: Platform,
  scopes: LiveScopes,
  buckets: Buckets,
  sightings: readonly Sighting[],
  signal?: AbortSignal,
): Promise<Alive> {
  const open = questions(await hostsAround(platform.db, sightings), sightings);
  const alive = new Set<string>();
  const asked = askable(open);
  await inParallel(asked, 8, async (address) => {
    for (const identifier of await keysAt(platform, { scopes, buckets, address, signal }))
      alive.add(keyOf(address, identifier));
  });
  return (address, identifier) => alive.has(keyOf(address, identifier));
}

/**
 * Addresses that are looked at for these questions, each once. Keys that few have come first: one that was baked into an
 * image has hundreds of holders, and must not use up what may be asked.
 */
export function askable(open: ReturnType<typeof questions>): string[] {
  const all = Map.groupBy(
    open.filter((o) => o.identifier.kind === 'ssh-host-key'),
    ({ identifier }) => identifier.value,
  );
  const ssh = [...all.values()].toSorted((a, b) => a.length - b.length).flat();
  return [...new Set(ssh.map((o) => o.address))].slice(0, MOST_QUESTIONS);
}

const keyOf = (address: string, identifier: Identifier): string => `${address} ${identifier.kind} ${identifier.value}`;

async function keysAt(
  platform: Platform,
  asked: { scopes: LiveScopes; buckets: Buckets; address: string; signal: AbortSignal | undefined },
): Promise<Identifier[]> {
  const { scopes, buckets, address, signal } = asked;
  const found: Identifier[] = [];
  for (const port of await sshPortsAt(platform.db, address)) {
    try {
      const probe = await withGuard(scopes, buckets, address, (guard) =>
        sshProbe.probe(newTarget(guard, { address, port, connectMs: 1000, deadlineMs: ASK_MS, signal })),
      );
      if (probe.protocol === 'ssh') {
        found.push(...probe.hostKeys.map((key) => ({ kind: 'ssh-host-key' as const, value: key.fingerprint })));
      }
    } catch (error) {
      // Nothing there, or out of every scope: then it does not live there as far as we may know.
      if (!isAppError(error)) throw error;
    }
  }
  return found;
}
