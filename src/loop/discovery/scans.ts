import { randomInt } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import type { Actor } from '../../model/actor.ts';
import type { Scan, ScanCounts, ScanEstimate, ScanKind, ScanState, Scope } from '../../model/estate.ts';
import { LOCAL_SITE } from '../../model/site.ts';
import { AppError } from '../../model/errors/index.ts';
import type { DbOrTx, Platform, Tx } from '../../platform/context.ts';
import { normalAddress } from '../../scan/logic/address.ts';
import { estimateScan } from '../../scan/logic/estimate.ts';
import { parsePorts } from '../../scan/logic/ports.ts';
import type { Interval } from '../../scan/logic/address.ts';
import { lookupOf } from '../../scan/logic/lookup.ts';
import { rangesOf } from '../../scan/logic/patrol.ts';
import { DEFAULT_SUBNET_RATE } from '../../scan/logic/subnets.ts';
import { countAddresses, mergeIntervals, parseTargets, subtractIntervals } from '../../scan/logic/targets.ts';
import { canPing } from '../../scan/scanner/native/choose.ts';
import { isAlwaysDark, restingOver } from './logic/blackout.ts';
import { type Walked, walkNow } from './logic/full-walk.ts';
import { LiveScopes } from './live-scopes.ts';
import { addressesOnly, checkSize, excludedByAll, udpAt } from './scopes.ts';
import { deletePortions } from './sites/store.ts';
import { forgetTraps } from './sites/traps.ts';
import { knownAddresses } from './store-addresses.ts';
import {
  ACTIVE,
  activeScanOf,
  findReach,
  findScopes,
  insertKnown,
  insertScan,
  knownOf,
  lastFullWalk,
  restScan,
  scanRow,
  type ScanRow,
  setScanState,
  toScan,
} from './store-scans.ts';

export const DEFAULT_RATE = 1000;

export interface ScanRequest {
  scope: Scope | null;
  targets: string[];
  ports: string | undefined;
  udp?: string | undefined;
  rate: number | undefined;
  subnetRate?: number | undefined;
  confirmWide: boolean;
  /** `due`: whatever it is time for (a schedule asks) */
  kind?: ScanKind | 'due';
}

/** a second */
interface Rates {
  rate: number;
  subnetRate: number;
}

/** What a scan of this request would walk. What any scope excludes stays excluded, whoever asks. */
async function planScan(platform: Platform, request: ScanRequest) {
  const { scope } = request;
  const exclude = excludedByAll(await findScopes(platform.db));
  const targets = scope?.cidrs ?? request.targets;
  // A scope was checked when it was added.
  const parsed = parseTargets(targets, { confirmWide: request.confirmWide || scope !== null });
  const named = await resolveNames(parsed.names);
  const resolved = Object.keys(named).sort();
  const all = scanIntervals({ targets, resolved, exclude });
  if (all.length === 0) throw new AppError('TARGETS_EMPTY');
  const asked = portsOf(request);
  checkSize(all, asked.numbers.length + asked.udpNumbers.length);
  const rates = {
    rate: gentler(request.rate, scope?.rate, DEFAULT_RATE),
    subnetRate: gentler(request.subnetRate, scope?.subnetRate, DEFAULT_SUBNET_RATE),
  };
  const walk = { targets, resolved, named, exclude, ...asked, ...rates };
  const pings = isLocal(scope) && (await canPing(platform.config.scanPath));
  const known = await knownWithin(platform, request, { ...walk, pings, intervals: all });
  return { ...walk, pings, kind: known ? ('known' as const) : ('full' as const), intervals: known ?? all };
}

/** As they were asked for, and one by one. */
function portsOf({ scope, ...asked }: ScanRequest) {
  const { ports, udp } = { ports: asked.ports ?? scope?.ports ?? 'default', udp: asked.udp ?? scope?.udp ?? 'none' };
  return { ports, udp, numbers: parsePorts(ports), udpNumbers: udpAt(scope?.site ?? LOCAL_SITE, udp) };
}

/** What is known of these addresses, when that is what is to be looked at; null: all of them are. */
async function knownWithin(
  platform: Platform,
  { kind = 'full', scope }: ScanRequest,
  walk: Omit<Walked, 'at'> & { intervals: Interval[]; numbers: number[]; udpNumbers: number[]; pings: boolean } & Rates,
): Promise<Interval[] | null> {
  if (kind === 'full') return null;
  if (kind === 'due' && scope) {
    const { seconds } = estimateScan({ ...walk, ports: walk.numbers, udp: walk.udpNumbers, excluded: 0n });
    const [lastFull, now] = [await lastFullWalk(platform.db, scope.id), platform.now()];
    const due = { fullEvery: scope.fullEvery, lastFull, wanted: walk, seconds: seconds.most, now };
    if (walkNow(due) === 'full') return null;
  }
  const inside = lookupOf(walk.intervals);
  const known = (await knownAddresses(platform.db, scope?.site)).filter((address) => inside.has(address));
  if (known.length > 0) return parseTargets(known).intervals;
  if (kind === 'due') return null;
  throw new AppError('SCAN_NOTHING_KNOWN');
}

/** A scan may be gentler than its scope says, never rougher. */
function gentler(wanted: number | undefined, most: number | undefined, otherwise: number): number {
  return Math.min(wanted ?? Number.MAX_SAFE_INTEGER, most ?? wanted ?? otherwise);
}

/** What it would cost; nothing is sent and nothing is stored. */
export async function estimateOf(platform: Platform, request: ScanRequest): Promise<ScanEstimate> {
  const plan = await planScan(platform, request);
  const asked = scanIntervals({ ...plan, exclude: [] });
  const excluded = countAddresses(asked) - countAddresses(scanIntervals(plan));
  return estimateScan({ ...plan, ports: plan.numbers, udp: plan.udpNumbers, excluded });
}

/** Checks, resolves and enqueues a scan. In a blackout it says at once that it waits, and until when. */
export async function createScan(platform: Platform, actor: Actor, request: ScanRequest): Promise<Scan> {
  const { intervals, numbers, udpNumbers, pings: _, ...plan } = await planScan(platform, request);
  await checkHours(platform, intervals);
  const id = platform.newId('scan');
  const scopes = new LiveScopes(platform);
  await scopes.refresh();
  return platform.observe(actor, async (tx) => {
    const done = await insertScan(tx.db, {
      ...plan,
      id,
      scope: request.scope,
      confirmWide: true,
      seed: randomInt(2 ** 31),
      pairs: Number(countAddresses(intervals)) * (numbers.length + udpNumbers.length),
      actor,
      at: tx.now,
    });
    if (!done) throw await alreadyActive(platform, request.scope!);
    const dark = scopes.dark(intervals, tx.now);
    if (dark) await restScan(tx.db, id, dark, null);
    if (plan.kind === 'known') await insertKnown(tx.db, id, rangesOf(intervals));
    if (isLocal(request.scope)) await tx.enqueue('discovery.scan', { scanId: id });
    await tx.publish('scans', { scanId: id });
    return toScan((await scanRow(tx.db, id))!);
  });
}

/** The scanners of another site come for their work by themselves. */
const isLocal = (of: { site: string } | null): boolean => (of?.site ?? LOCAL_SITE) === LOCAL_SITE;

/** Refuses what would wait without end: one scope's hours begin where another's end. */
async function checkHours(platform: Platform, intervals: readonly Interval[]): Promise<void> {
  const scopes = (await findReach(platform.db)).map((scope) => ({
    ...scope,
    targets: parseTargets(scope.cidrs, { confirmWide: true }).intervals,
  }));
  const resting = restingOver(scopes, intervals);
  if (!isAlwaysDark(resting, platform.now())) return;
  throw new AppError('SCAN_NEVER', { scopes: resting.map(({ name }) => `"${name}"`).join(' and ') });
}

async function alreadyActive(platform: Platform, scope: Scope): Promise<AppError> {
  const active = await activeScanOf(platform.db, scope.id);
  return new AppError('SCAN_ACTIVE', { scope: scope.name, scan: active?.id ?? '', state: active?.state ?? 'queued' });
}

/** Which names lead to each address. */
async function resolveNames(names: readonly string[]): Promise<Record<string, string[]>> {
  const found = await Promise.all(
    names.map(async (name) =>
      (await lookup(name, { all: true }).catch(() => [])).map((one) => ({ name, address: normalAddress(one.address) })),
    ),
  );
  const named: Record<string, Set<string>> = {};
  for (const { name, address } of found.flat()) if (address !== null) (named[address] ??= new Set()).add(name);
  return Object.fromEntries(Object.entries(named).map(([address, all]) => [address, [...all]]));
}

/** Exactly what a scan may connect to, in a fixed order. */
export function scanIntervals(scan: { targets: string[]; resolved: string[]; exclude: string[] }) {
  const asked = parseTargets([...scan.targets, ...scan.resolved], { confirmWide: true }).intervals;
  return subtractIntervals(mergeIntervals(asked), addressesOnly(scan.exclude));
}

/** The same for a scan that was made: one of what is known walks what was known then. */
export async function intervalsOfScan(db: DbOrTx, scan: ScanRow): Promise<Interval[]> {
  if (scan.kind === 'full') return scanIntervals(scan);
  return parseTargets(await knownOf(db, scan.id), { confirmWide: true }).intervals;
}

const VERBS = {
  pause: { from: ['queued', 'running'], to: 'paused', needs: 'a queued or running scan' },
  resume: { from: ['paused', 'failed'], to: 'queued', needs: 'a paused or failed scan' },
  cancel: { from: ['queued', 'running', 'paused', 'failed'], to: 'cancelled', needs: 'a scan that is not over' },
} as const satisfies Record<string, { from: ScanState[]; to: ScanState; needs: string }>;

/** A running scan notices within half a second. */
export async function steerScan(platform: Platform, actor: Actor, id: string, verb: keyof typeof VERBS): Promise<Scan> {
  const { from, to, needs } = VERBS[verb];
  return platform.observe(actor, async (tx) => {
    const ended = to === 'cancelled' ? { finishedAt: tx.now } : {};
    const row = await setScanState(tx.db, id, [...from], { state: to, ...ended });
    if (!row) throw await refused(platform, id, verb, needs);
    if (to === 'queued' && isLocal(row)) await tx.enqueue('discovery.scan', { scanId: id });
    if (to === 'cancelled') await recordCancelled(tx, row);
    await tx.publish('scans', { scanId: id });
    return toScan(row);
  });
}

/** As the trail has them. */
export const countsOf = ({ bogus, ...counts }: ScanCounts) => (bogus ? { ...counts, bogus } : counts);

async function recordCancelled(tx: Tx, row: ScanRow): Promise<void> {
  await deletePortions(tx.db, row.id);
  await forgetTraps(tx.db, row.id);
  if (!row.started_at) return;
  await tx.record({
    type: 'discovery.scan.finished',
    subject: { kind: 'scan', id: row.id },
    detail: { outcome: 'cancelled', targets: row.targets, ports: row.ports, counts: countsOf(row.counts) },
  });
}

/** The scope is being removed, or given to another site: nothing allows its scans any more. */
export async function cancelScansOf(tx: Tx, scope: Scope, error = 'its scope was removed'): Promise<void> {
  const active = await activeScanOf(tx.db, scope.id);
  const why = { error, finishedAt: tx.now };
  const row = active && (await setScanState(tx.db, active.id, ACTIVE, { state: 'cancelled', ...why }));
  if (!row) return;
  await recordCancelled(tx, row);
  await tx.publish('scans', { scanId: row.id });
}

async function refused(platform: Platform, id: string, verb: string, needs: string): Promise<AppError> {
  const row = await scanRow(platform.db, id);
  if (!row) return new AppError('NOT_FOUND', { what: 'scan', id, list: 'scans' });
  return new AppError('SCAN_STATE', { scan: id, state: row.state, needs, verb });
}
