import { randomUUID } from 'node:crypto';
import type { ScanPath } from '../../../model/estate.ts';
import type { LeaseReply, Portion, Terms } from '../../../model/site.ts';
import type { Platform, Tx } from '../../../platform/context.ts';
import type { ScannerIdentity } from '../../../platform/http/route.ts';
import { lookupOf } from '../../../scan/logic/lookup.ts';
import { rangesOf } from '../../../scan/logic/patrol.ts';
import { parsePorts } from '../../../scan/logic/ports.ts';
import type { Interval } from '../../../scan/logic/address.ts';
import type { Windows } from '../../../scan/logic/windows.ts';
import { LiveScopes } from '../live-scopes.ts';
import type { Dark } from '../logic/blackout.ts';
import { portionsOrder } from '../logic/portions.ts';
import { isDarkSoon } from '../rest.ts';
import { knownTlsAt } from '../server-names.ts';
import { intervalsOfScan } from '../scans.ts';
import type { ScanRow } from '../store-scans.ts';
import { finish, scopeOf } from './finish.ts';
import {
  countLive,
  countPortions,
  freePortion,
  insertPortion,
  leasePortion,
  lockScan,
  noteCall,
  type PortionRow,
  releasePortionsOf,
  restSiteScan,
  type ScannerRow,
  scansAt,
  startSiteScan,
} from './store.ts';

export interface SiteTimes {
  /** how often a scanner says that it is there */
  beatMs: number;
  /** without a sign of life for so long a portion is free again; a scanner sends nothing more by then */
  leaseMs: number;
}
export const SITE_TIMES: SiteTimes = { beatMs: 5000, leaseMs: 30_000 };

/** The part of a site's scan that never changes. */
export interface Walk {
  intervals: Interval[];
  ports: number[];
  order: Windows;
  has(address: string): boolean;
}

export interface Sites {
  platform: Platform;
  times: SiteTimes;
  /** of the scans that were asked about last */
  walks: Map<string, Walk>;
}

const WALKS_KEPT = 16;

export async function walkOf({ platform, walks }: Sites, scan: ScanRow): Promise<Walk> {
  const known = walks.get(scan.id);
  if (known) return known;
  const [intervals, ports] = [await intervalsOfScan(platform.db, scan), parsePorts(scan.ports)];
  const containing = lookupOf(intervals);
  const order = portionsOrder(intervals, ports, { seed: Number(scan.seed), rate: scan.rate });
  const walk = { intervals, ports, order, has: (address: string) => containing.has(address) };
  const [oldest] = walks.keys();
  if (walks.size >= WALKS_KEPT && oldest !== undefined) walks.delete(oldest);
  walks.set(scan.id, walk);
  return walk;
}

export const actorOf = ({ scannerId }: ScannerIdentity) => ({
  kind: 'scanner' as const,
  id: scannerId,
  name: scannerId,
});

/** Who was heard of since then shares a site's rate. Longer than a lease: who stopped calling has stopped sending by then. */
const liveSince = ({ times }: Sites, now: Date): Date => new Date(now.getTime() - times.leaseMs - times.beatMs);

export async function freshScopes(platform: Platform): Promise<LiveScopes> {
  const scopes = new LiveScopes(platform);
  await scopes.refresh();
  return scopes;
}

export const isRefused = ({ refused_until }: Pick<ScannerRow, 'refused_until'>, now: Date): boolean =>
  refused_until !== null && refused_until > now;

/** Hands the caller a portion of some scan of its site, or none. */
export async function leaseTo(
  sites: Sites,
  scanner: ScannerIdentity,
  call: { version: string; path: ScanPath | null },
): Promise<LeaseReply> {
  const { platform, times } = sites;
  const scopes = await freshScopes(platform);
  return platform.observe(actorOf(scanner), async (tx) => {
    const gone = liveSince(sites, tx.now);
    const row = await noteCall(tx.db, scanner.scannerId, { at: tx.now, gone, ...call });
    const reply = { pollSeconds: times.beatMs / 1000, portion: null };
    if (!row || isRefused(row, tx.now)) return reply;
    const scans = await scansAt(tx.db, scanner.site);
    for (const scanId of scans) await lockScan(tx.db, scanId);
    // One portion at a time: whoever asks anew knows of no other.
    await releasePortionsOf(tx.db, scanner.scannerId);
    const live = await countLive(tx.db, scanner.site, { since: gone, now: tx.now });
    // The others have to hear first that they share the rate with one more. Whom nothing reaches stops with its lease.
    const settled = tx.now.getTime() - (row.live_since?.getTime() ?? 0) >= times.leaseMs;
    if (live > 1 && !settled) return reply;
    for (const scanId of scans) {
      const portion = await leaseOf(sites, tx, scopes, { scanner, scanId });
      if (portion) return { ...reply, portion };
    }
    return reply;
  });
}

async function leaseOf(
  sites: Sites,
  tx: Tx,
  scopes: LiveScopes,
  { scanner, scanId }: { scanner: ScannerIdentity; scanId: string },
): Promise<Portion | null> {
  const scan = await lockScan(tx.db, scanId);
  if (!scan || !['queued', 'running'].includes(scan.state)) return null;
  const walk = await walkOf(sites, scan);
  const dark = isDarkSoon(scopes, walk.intervals, tx.now);
  if (dark) {
    await restIn(tx, scan, dark);
    return null;
  }
  const found = (await freePortion(tx.db, scanId, tx.now)) ?? (await nextPortion(tx, scan, walk));
  if (!found) {
    // Its last portion came to its end while it was paused.
    if ((await countPortions(tx.db, scanId)) === 0) await finish(tx, scopes, scan, walk, { ...scan.counts });
    return null;
  }
  await start(tx, scan);
  const window = Number(found.window_index);
  const lease = randomUUID();
  const until = new Date(tx.now.getTime() + sites.times.leaseMs);
  await leasePortion(tx.db, { scanId, window }, { scannerId: scanner.scannerId, lease, until, now: tx.now });
  await tx.publish('scans', { scanId });
  return {
    scanId,
    window,
    lease,
    addresses: walk.order.addressesIn(window),
    ports: walk.ports,
    seed: Number(scan.seed) + window + 1,
    cursor: found.cursor,
    open: found.open,
    known: await knownTlsAt(tx.db, { addresses: walk.order.addressesIn(window), ports: walk.ports, site: scan.site }),
    terms: await termsOf(sites, tx, scopes, { scan, walk }),
  };
}

type Begun = Pick<PortionRow, 'window_index' | 'cursor' | 'open'>;

async function nextPortion(tx: Tx, scan: ScanRow, { order }: Walk): Promise<Begun | null> {
  const window = Number(scan.window_index);
  if (window >= order.windows) return null;
  await insertPortion(tx.db, scan.id, window);
  return { window_index: window, cursor: 0, open: [] };
}

/** In a blackout a scan waits; the first call after it goes on. */
export async function restIn(tx: Tx, scan: ScanRow, dark: Dark): Promise<void> {
  if (scan.state === 'queued' && scan.waits_until?.getTime() === dark.until.getTime()) return;
  await restSiteScan(tx.db, scan.id, dark);
  await tx.publish('scans', { scanId: scan.id });
}

async function start(tx: Tx, scan: ScanRow): Promise<void> {
  if (scan.state === 'running') return;
  await startSiteScan(tx.db, scan.id, tx.now);
  if (scan.started_at) return;
  await tx.record({
    type: 'discovery.scan.started',
    subject: { kind: 'scan', id: scan.id },
    related: scopeOf(scan),
    detail: {
      scope: scan.scope_name,
      site: scan.site,
      askedBy: scan.actor?.name ?? 'scan',
      targets: scan.targets,
      resolved: scan.resolved,
      exclude: scan.exclude,
      ports: scan.ports,
      rate: scan.rate,
      kind: scan.kind,
    },
  });
}

/** What holds for one of a site's scanners now: an equal share of the rates, and what may be touched. */
export async function termsOf(
  sites: Sites,
  tx: Tx,
  scopes: LiveScopes,
  { scan, walk }: { scan: ScanRow; walk: Walk },
): Promise<Terms> {
  const { beatMs, leaseMs } = sites.times;
  const scope = scopes.byId(scan.scope_id);
  const dark = scopes.nextDark(walk.intervals, tx.now);
  const sharers = Math.max(1, await countLive(tx.db, scan.site, { since: liveSince(sites, tx.now), now: tx.now }));
  return {
    allowed: rangesOf(scopes.reachOf(scan.scope_id)),
    excluded: rangesOf(scopes.excluded),
    rate: Math.min(scan.rate, scope?.rate ?? scan.rate) / sharers,
    subnetRate: Math.min(scan.subnet_rate, scope?.subnetRate ?? scan.subnet_rate) / sharers,
    leaseSeconds: leaseMs / 1000,
    beatSeconds: beatMs / 1000,
    darkMs: dark && dark.getTime() - tx.now.getTime(),
  };
}
