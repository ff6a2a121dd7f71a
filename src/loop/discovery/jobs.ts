import { systemActor } from '../../model/actor.ts';
import { isAppError } from '../../model/errors/index.ts';
import type { Scope, Sighting } from '../../model/estate.ts';
import type { Platform } from '../../platform/context.ts';
import { askEarlierAddresses } from './identity.ts';
import { recordLooks } from './looks.ts';
import { normalAddress } from './logic/address.ts';
import { newRtt } from './logic/pace.ts';
import { parsePorts } from './logic/ports.ts';
import { isDue } from './logic/schedule.ts';
import { createScan } from './scans.ts';
import { lookAt, sightingsFrom } from './scanner/observe.ts';
import { type Pair, sweep } from './scanner/sweep.ts';
import { type Buckets, guardFor, scopeFor } from './scopes.ts';
import { recordSightings } from './sightings.ts';
import { hostIdAt } from './store-hosts.ts';
import { startFollowing } from './store-presence.ts';
import { activeScanOf, findReach, findScopes, lastScanAt, orphanedScans } from './store-scans.ts';

/** A worker that has not reported a scan's progress for so long is dead. */
const ORPHANED_MS = 90_000;
/** Agents report a connection for as long as it lasts; its peer need not be looked at each time. */
const FOLLOW_AGAIN_MS = 10 * 60_000;
const FOLLOW_CONNECTIONS = 50;

/** Starts what is due, and wakes what a dead worker left behind. */
export async function scheduleScans(platform: Platform): Promise<void> {
  const now = platform.now();
  for (const scanId of await orphanedScans(platform.db, new Date(now.getTime() - ORPHANED_MS))) {
    await platform.queue.enqueue('discovery.scan', { scanId }, { singletonKey: scanId });
  }
  for (const scope of await findScopes(platform.db)) {
    if (scope.every === null || (await activeScanOf(platform.db, scope.id))) continue;
    const last = (await lastScanAt(platform.db, scope.id)) ?? new Date(scope.createdAt);
    if (isDue({ id: scope.id, every: scope.every }, last, now)) await startScheduled(platform, scope);
  }
}

async function startScheduled(platform: Platform, scope: Scope): Promise<void> {
  try {
    const request = { scope, targets: [], ports: undefined, rate: undefined, confirmWide: true };
    await createScan(platform, systemActor('scan schedule'), request);
  } catch (error) {
    // Somebody started one a moment before us: then it is being scanned, which is all we want.
    if (isAppError(error, 'SCAN_ACTIVE')) return;
    if (!isAppError(error)) throw error;
    platform.log.warn({ scope: scope.name, code: error.code, why: error.message }, 'a scheduled scan did not start');
  }
}

/** Looks at what agents' hosts talk to, where a scope allows it: what nobody listed is found by its connections. */
export async function follow(
  platform: Platform,
  buckets: Buckets,
  job: { addresses: string[]; viaHostId: string },
): Promise<void> {
  const scopes = await findReach(platform.db);
  const addresses = new Set(job.addresses.map(normalAddress).filter((address) => address !== null));
  for (const address of addresses) {
    const scope = scopeFor(scopes, address);
    if (scope) await followOne(platform, buckets, scopes, { address, via: job.viaHostId, ports: scope.ports });
  }
}

interface Trace {
  address: string;
  via: string;
  ports: string;
}

async function followOne(platform: Platform, buckets: Buckets, scopes: readonly Scope[], trace: Trace): Promise<void> {
  const { address, via } = trace;
  const now = platform.now();
  const known = await hostIdAt(platform.db, address);
  if (known === via) return;
  const again = new Date(now.getTime() - FOLLOW_AGAIN_MS);
  if (!(await startFollowing(platform.db, address, via, now, again))) return;
  // A known host is scanned when its scope is; here it is enough that another source has seen it.
  const looks = known ? [] : await lookAtAddress(platform, buckets, scopes, trace);
  const bare: Sighting = { source: 'peer', address, at: now.toISOString(), identifiers: [], via };
  const sightings = looks.length > 0 ? sightingsFrom(looks, 'peer', via) : [bare];
  const alive = await askEarlierAddresses(platform, scopes, buckets, sightings);
  await platform.observe(systemActor('following connections'), async (tx) => {
    const [decision] = await recordSightings(platform, tx, sightings, alive);
    await recordLooks(platform, tx, decision!.hostId, looks);
  });
}

async function lookAtAddress(platform: Platform, buckets: Buckets, scopes: readonly Scope[], trace: Trace) {
  const { guard } = guardFor(scopes, buckets, trace.address);
  const ports = parsePorts(trace.ports);
  const open: Pair[] = [];
  await sweep({
    guard,
    from: 0,
    to: ports.length,
    pairAt: (index) => ({ address: trace.address, port: ports[index]! }),
    rtt: newRtt(),
    concurrency: FOLLOW_CONNECTIONS,
    report: async (progress) => {
      open.push(...progress.open);
      return true;
    },
  });
  return lookAt(guard, open, () => platform.now());
}
