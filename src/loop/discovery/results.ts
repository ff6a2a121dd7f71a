import type { ScanCounts, Sighting } from '../../model/estate.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import type { Look } from '../../scan/look.ts';
import { type LookChange, recordAllLooks } from './looks.ts';
import { spaceOf } from './logic/place.ts';
import type { Decision } from './logic/reconcile.ts';
import { type Alive, recordSightings } from './sightings.ts';
import { NO_ANSWER } from '../../scan/scanner/observe-udp.ts';
import { sightingOfUp } from '../../scan/scanner/observe-up.ts';
import type { Up } from '../../scan/logic/up.ts';
import type { Pair } from '../../scan/scanner/sweep.ts';
import { missedEndpoints, type MissedRow, noteMisses } from './store-endpoints.ts';
import { holdIdle, markCounted, markOffline, mutedHosts, offlineHosts, silentHosts } from './store-presence.ts';
import { rejudge } from './rejudge.ts';

export interface WindowResults {
  scanId: string;
  looks: Look[];
  sightings: Sighting[];
  alive: Alive;
  /** added to in place */
  counts: ScanCounts;
}

/** Sightings become hosts, looks become their endpoints, and each host is counted once a scan. */
export async function storeWindow(platform: Platform, tx: Tx, window: WindowResults): Promise<void> {
  const addresses = window.sightings.map((s) => s.address);
  const wereOffline = await offlineHosts(tx.db);
  const decisions = await recordSightings(platform, tx, window.sightings, window.alive);
  const looksAt = Map.groupBy(window.looks, (look) => look.address);
  const all = decisions.map(({ hostId }, index) => ({ hostId, looks: looksAt.get(addresses[index]!) ?? [] }));
  const changes = await recordAllLooks(platform, tx, all);
  const hostIds = decisions.map(({ hostId }) => hostId);
  const uncounted = await markCounted(tx.db, hostIds, window.scanId);
  for (const [index, decision] of decisions.entries()) {
    // A host that is here twice is counted by what comes first.
    if (!uncounted.delete(decision.hostId)) continue;
    window.counts[countFor(decision, changes[index]!, wereOffline.has(decision.hostId))]++;
  }
}

/** Hosts that are up and have no open port: seen, and no endpoint is invented. */
export async function storeUp(
  platform: Platform,
  tx: Tx,
  { scanId, up, bogus, counts }: { scanId: string; up: readonly Up[]; bogus: number; counts: ScanCounts },
): Promise<void> {
  if (bogus > 0) counts.bogus = (counts.bogus ?? 0) + bogus;
  if (up.length === 0) return;
  const sightings = up.map((one) => sightingOfUp(one, tx.now));
  await storeWindow(platform, tx, { scanId, looks: [], sightings, alive: () => false, counts });
}

function countFor(
  decision: Decision,
  changes: LookChange[],
  wasOffline: boolean,
): 'newHosts' | 'back' | 'changed' | 'unchanged' {
  if (decision.kind !== 'seen' && decision.kind !== 'moved') return 'newHosts';
  if (wasOffline) return 'back';
  return decision.kind === 'moved' || changes.some((change) => change !== 'same') ? 'changed' : 'unchanged';
}

/** An endpoint is gone after this many looks in a row found it closed AND the first of them is this long ago (row 1.9). */
export interface Ageing {
  failures: number;
  minutes: number;
}

export const DEFAULT_AGEING: Ageing = { failures: 3, minutes: 24 * 60 };

export async function ageEndpoints(
  tx: Tx,
  ageing: Ageing,
  scanned: {
    addresses: string[];
    ports: number[];
    /** UDP ports that were asked */
    udp?: number[];
    isOpen(at: Pair): boolean;
    by?: 'server' | 'agent';
    /** what was seen from then on is not missed */
    since?: Date;
    /** where one looked from */
    site?: string;
  },
): Promise<void> {
  const spaces = Map.groupBy(scanned.addresses, (address) => spaceOf(scanned.site, address));
  for (const [space, addresses] of spaces) await ageIn(tx, ageing, { ...scanned, addresses, space });
}

type ScannedIn = Parameters<typeof ageEndpoints>[2] & { space: string };

async function missedIn(tx: Tx, scanned: ScannedIn): Promise<MissedRow[]> {
  const known = await missedEndpoints(tx.db, scanned.addresses, scanned, scanned.by, scanned.space);
  return known.filter((e) => !scanned.isOpen(e) && !(scanned.since && e.last_seen >= scanned.since));
}

async function ageIn(tx: Tx, ageing: Ageing, scanned: ScannedIn): Promise<void> {
  const before = await missedIn(tx, scanned);
  if (before.length === 0) return;
  // Of whom somebody writes just now, or wrote meanwhile, this look knows nothing better.
  const idle = await holdIdle(tx.db, [...new Set(before.map((one) => one.host_id))]);
  const missed = (await missedIn(tx, scanned)).filter((one) => idle.has(one.host_id));
  const misses = missed.map((endpoint) => {
    const since = endpoint.missed_since ?? tx.now;
    const count = endpoint.misses + 1;
    const gone = count >= ageing.failures && tx.now.getTime() - since.getTime() >= ageing.minutes * 60_000;
    return { id: endpoint.id, misses: count, since, gone, error: endpoint.transport === 'udp' ? NO_ANSWER : null };
  });
  await noteMisses(tx.db, misses);
  for (const hostId of new Set(missed.filter((_, index) => misses[index]!.gone).map((one) => one.host_id)))
    await rejudge(tx, hostId);
}

/** Hosts with endpoints where this scan looked that nobody has seen since it began; returns how many fell silent now. */
export async function countOffline(
  tx: Tx,
  scan: {
    since: Date;
    ports: number[];
    udp?: number[];
    pinged?: boolean;
    inScan(address: string): boolean;
    site?: string;
  },
): Promise<number> {
  const silent = await silentHosts(tx.db, scan.since, scan);
  if (scan.pinged) silent.push(...(await mutedHosts(tx.db, scan.since)));
  const here = silent.filter(({ address, space }) => space === spaceOf(scan.site, address) && scan.inScan(address));
  return markOffline(tx.db, [...new Set(here.map((row) => row.host_id))], { since: scan.since, at: tx.now });
}
