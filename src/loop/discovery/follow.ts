import { systemActor } from '../../model/actor.ts';
import type { Scope, Sighting } from '../../model/estate.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { askEarlierAddresses } from './identity.ts';
import { guardFor, type LiveScopes, withScopes } from './live-scopes.ts';
import { beforehand } from './server-names.ts';
import { recordLooks } from './looks.ts';
import { normalAddress } from '../../scan/logic/address.ts';
import { newRtt } from '../../scan/logic/pace.ts';
import { newRetries } from '../../scan/logic/retries.ts';
import { parsePorts } from '../../scan/logic/ports.ts';
import { lookAt, sightingsFrom } from '../../scan/scanner/observe.ts';
import { type Pair, sweep } from '../../scan/scanner/sweep.ts';
import { isDarkSoonAt } from './rest.ts';
import type { Buckets } from './scopes.ts';
import { recordSightings } from './sightings.ts';
import { beginFollowing, endFollowing, insertToFollow, reserveLook, toFollow } from './store-follow.ts';
import { hostIdAt } from './store-hosts.ts';

/** Agents report a connection for as long as it lasts; its peer need not be looked at each time. */
const FOLLOW_AGAIN_MS = 10 * 60_000;
const FOLLOW_CONNECTIONS = 50;

/** Writes down what a host's agent saw. The job that looks takes it from there, so no report is lost in a waiting one. */
export async function followFrom(tx: Tx, hostId: string, addresses: readonly string[]): Promise<void> {
  const wanted = [...new Set(addresses.map(normalAddress).filter((address) => address !== null))];
  if (wanted.length === 0) return;
  await insertToFollow(tx.db, hostId, wanted, tx.now);
  await tx.enqueue('discovery.follow', { hostId }, { singletonKey: hostId });
}

interface Trace {
  address: string;
  via: string;
  scope: Scope;
}

/** Looks at what a host talks to, where a scope allows it: what nobody listed is found by its connections. */
export async function follow(platform: Platform, buckets: Buckets, hostId: string): Promise<void> {
  await withScopes(platform, async (scopes) => {
    for (const { address, begun } of await toFollow(platform.db, hostId)) {
      const scope = scopes.scopeFor(address);
      // It waits; the timer comes back to it.
      if (scope && isDarkSoonAt(scopes, address, platform.now())) continue;
      const isLooked = scope && (await isOurs(platform, { address, via: hostId, begun }));
      if (isLooked && !(await followOne(platform, buckets, scopes, { address, via: hostId, scope }))) continue;
      await endFollowing(platform.db, hostId, address);
    }
  });
}

/** Not where somebody looked a moment ago; but what was begun and not ended is looked at again. */
async function isOurs(platform: Platform, look: { address: string; via: string; begun: boolean }): Promise<boolean> {
  const { address, via, begun } = look;
  if ((await hostIdAt(platform.db, address)) === via) return false;
  if (begun) return true;
  await beginFollowing(platform.db, via, address);
  const now = platform.now();
  return reserveLook(platform.db, { address, via, now, again: new Date(now.getTime() - FOLLOW_AGAIN_MS) });
}

/** False when a blackout cut it off: it is to be done again. */
async function followOne(platform: Platform, buckets: Buckets, scopes: LiveScopes, trace: Trace): Promise<boolean> {
  const { address, via } = trace;
  const known = await hostIdAt(platform.db, address);
  // A known host is scanned when its scope is; here it is enough that another source has seen it.
  const looks = known ? [] : await lookAtAddress(platform, buckets, scopes, trace);
  if (!looks) return false;
  // Excluded while we looked: nothing of it counts.
  if (!scopes.scopeFor(address)) return true;
  const bare: Sighting = { source: 'peer', address, at: platform.now().toISOString(), identifiers: [], via };
  const sightings = looks.length > 0 ? sightingsFrom(looks, 'peer', via) : [bare];
  const alive = await askEarlierAddresses(platform, scopes, buckets, sightings);
  await platform.observe(systemActor('following connections'), async (tx) => {
    const [decision] = await recordSightings(platform, tx, sightings, alive);
    await recordLooks(platform, tx, decision!.hostId, looks);
  });
  return true;
}

/** Null when a blackout began before it came to its end. */
async function lookAtAddress(platform: Platform, buckets: Buckets, scopes: LiveScopes, trace: Trace) {
  const { guard } = guardFor(scopes, buckets, trace.address);
  const ports = parsePorts(trace.scope.ports);
  const open: Pair[] = [];
  const goesOn = (): boolean => !isDarkSoonAt(scopes, trace.address, platform.now());
  const swept = await sweep({
    guard,
    from: 0,
    to: ports.length,
    pairAt: (index) => ({ address: trace.address, port: ports[index]! }),
    rtt: newRtt(),
    retries: newRetries(),
    concurrency: FOLLOW_CONNECTIONS,
    report: async (progress) => {
      open.push(...progress.open);
      return goesOn();
    },
  });
  if (!swept || !goesOn()) return null;
  const { names } = await beforehand(platform.db, open);
  return lookAt(guard, open, () => platform.now(), undefined, { names });
}
