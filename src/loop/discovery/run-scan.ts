import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemActor } from '../../model/actor.ts';
import { endpointName } from '../../model/endpoint-name.ts';
import type { ScanCounts, ScanPace } from '../../model/estate.ts';
import { isAppError } from '../../model/errors/index.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { type Answering, bogusOf, newAnswering } from './bogus.ts';
import { askEarlierAddresses } from './identity.ts';
import { type LiveScopes, withScopes } from './live-scopes.ts';
import type { Interval } from '../../scan/logic/address.ts';
import { portionsOf } from '../../scan/logic/again.ts';
import { fullPace } from '../../scan/logic/estimate.ts';
import { lookupOf } from '../../scan/logic/lookup.ts';
import { newRtt, type Rtt } from '../../scan/logic/pace.ts';
import { parsePorts } from '../../scan/logic/ports.ts';
import { parseUdp } from '../../scan/logic/udp-ports.ts';
import { newSpeed, noteDone, perSecond, type Speed } from '../../scan/logic/progress.ts';
import { newRetries, type Retries } from '../../scan/logic/retries.ts';
import { FULL_PACE, newTempo, type Tempo } from '../../scan/logic/tempo.ts';
import { type Neighbours, newNeighbours } from '../../scan/logic/up.ts';
import { scanOrder, type Windows } from '../../scan/logic/windows.ts';
import { knownAddresses } from './store-addresses.ts';
import { beforehand } from './server-names.ts';
import { type Ageing, ageEndpoints, countOffline, storeUp, storeWindow } from './results.ts';
import { pathOf, scopeOf } from './scan-words.ts';
import { countsOf, intervalsOfScan } from './scans.ts';
import { rest, restIfDark, restsBefore } from './rest.ts';
import { createGuard, type Guard } from '../../scan/scanner/guard.ts';
import { type Asking, type Chosen, chooseConnector, choosePinger } from '../../scan/scanner/native/choose.ts';
import { readNeighbours, whoIsUp } from '../../scan/scanner/observe-up.ts';
import { lookAt, sightingsFrom } from '../../scan/scanner/observe.ts';
import { lookAgainUdp, sweepUdp } from '../../scan/scanner/observe-udp.ts';
import { type Pair, sweep, type SweepProgress } from '../../scan/scanner/sweep.ts';
import type { Buckets } from './scopes.ts';
import {
  beatScan,
  claimScan,
  clearOpen,
  holdScan,
  openOf,
  saveOpen,
  savePath,
  saveProgress,
  scanRow,
  type ScanRow,
  setScanState,
} from './store-scans.ts';

const BEAT_MS = 500;
/** Looks that are stored together: a few minutes' worth where every port keeps us waiting. */
const PORTION = 512;

export interface ScannerOptions {
  buckets: Buckets;
  ageing: Ageing;
  /** so many looks are stored together, or a few more */
  portion?: number;
}

interface Run {
  platform: Platform;
  options: ScannerOptions;
  scan: ScanRow;
  runner: string;
  intervals: Interval[];
  order: Windows;
  ports: number[];
  udp: number[];
  scopes: LiveScopes;
  chosen: Chosen;
  asking: Asking;
  guard: Guard;
  rtt: Rtt;
  retries: Retries;
  tempo: Tempo;
  speed: Speed;
  /** what answers for other addresses, as far as met */
  answering: Answering;
  neighbours: Neighbours;
  /** in the kernel's table of neighbours before anything was sent */
  before: ReadonlySet<string>;
  /** addresses of the scan that were excluded since it was made: not looked at, so nothing is known to be closed there */
  refused: Set<string>;
  counts: ScanCounts;
}

/** Runs a scan, or goes on with it where a crash, a pause, a blackout or another worker left it. */
export async function runScan(platform: Platform, options: ScannerOptions, scanId: string): Promise<void> {
  await withScopes(platform, async (scopes) => {
    if (await restsBefore(platform, scopes, scanId)) return;
    const runner = randomUUID();
    const scan = await begin(platform, scanId, runner);
    if (scan) await runBegun(platform, options, { scan, runner, scopes });
  });
}

async function runBegun(
  platform: Platform,
  options: ScannerOptions,
  begun: Pick<Run, 'scan' | 'runner' | 'scopes'>,
): Promise<void> {
  const chosen = await chooseConnector(platform.config.scanPath);
  const asking = await choosePinger(platform.config.scanPath);
  try {
    const run = await prepare(platform, options, { ...begun, chosen, asking });
    if (run && (await runWindows(run))) await finish(run);
  } finally {
    if (!begun.scan.scope_id) options.buckets.forget(begun.scan.id);
    asking.pinger?.close();
    await chosen.connector?.close();
  }
}

/** What a person must correct ends the scan; anything else (a database that is away) is tried again by the queue. */
async function prepare(
  platform: Platform,
  options: ScannerOptions,
  begun: Pick<Run, 'scan' | 'runner' | 'scopes' | 'chosen' | 'asking'>,
): Promise<Run | null> {
  const { scan } = begun;
  try {
    const intervals = await intervalsOfScan(platform.db, scan);
    const ports = parsePorts(scan.ports);
    const udp = parseUdp(scan.udp);
    const order = scanOrder(intervals, ports, Number(scan.seed), scan.rate);
    const refused = new Set<string>();
    const tempo = newTempo(fullPace(intervals, scan.rate, scan.subnet_rate), performance.now());
    const guard = guardOf(options, { ...begun, tempo, intervals }, refused);
    await platform.observe(actorOf(scan), (tx) => savePath(tx.db, scan.id, pathOf(begun)));
    const speed = newSpeed(scan.counts.done, performance.now());
    const before = new Set((await readNeighbours()).keys());
    const met = { answering: newAnswering(), neighbours: newNeighbours(), before };
    const heard = { rtt: newRtt(), retries: newRetries(), ...met, tempo, speed };
    return {
      ...begun,
      ...heard,
      platform,
      options,
      intervals,
      order,
      ports,
      udp,
      guard,
      refused,
      counts: { ...scan.counts },
    };
  } catch (error) {
    if (!isAppError(error)) throw error;
    await platform.observe(actorOf(scan), async (tx) => {
      if (!(await holdScan(tx.db, scan.id, begun.runner))) return;
      await setScanState(tx.db, scan.id, ['running'], { state: 'failed', error: error.message });
      await tx.publish('scans', { scanId: scan.id });
    });
    return null;
  }
}

type ForGuard = Pick<Run, 'scan' | 'scopes' | 'chosen' | 'asking' | 'tempo' | 'intervals'>;

/** What the scan was made for, and of that only what its scope says now. */
function guardOf(
  options: ScannerOptions,
  { scan, scopes, chosen, asking, tempo, intervals }: ForGuard,
  refused: Set<string>,
): Guard {
  const inScan = lookupOf(intervals);
  const allows = (address: string): boolean => {
    if (!inScan.has(address)) return false;
    if (scopes.allowsScan(scan, address)) return true;
    refused.add(address);
    return false;
  };
  // A scan that is gentler than its scope has its tempo for that: the bucket is the scope's, for all who look there.
  const rate = scopes.byId(scan.scope_id)?.rate ?? scan.rate;
  const rates = options.buckets.of(scan.scope_id ?? scan.id, { rate, subnetRate: scan.subnet_rate });
  const { asksWays } = scopes;
  const { connector } = chosen;
  return scopes.watch(createGuard({ allows, asksWays, ...rates, tempo, connector, pinger: asking.pinger }));
}

function paceOf({ scan, tempo, speed }: Run): ScanPace {
  const isHeld = tempo.why === FULL_PACE && tempo.asked < scan.rate;
  const why = isHeld ? `${FULL_PACE}: at most ${scan.subnet_rate} a second to one /24 (IPv6: /64)` : tempo.why;
  return { asked: scan.rate, now: Math.round(tempo.now * 10) / 10, why, done: perSecond(speed) };
}

const actorOf = (scan: ScanRow) => scan.actor ?? systemActor('scan');

async function begin(platform: Platform, scanId: string, runner: string): Promise<ScanRow | null> {
  const before = await scanRow(platform.db, scanId);
  if (!before) return null;
  return platform.observe(actorOf(before), async (tx) => {
    const row = await claimScan(tx.db, scanId, runner, tx.now);
    if (!row) return null;
    if (!before.started_at) {
      await tx.record({
        type: 'discovery.scan.started',
        subject: { kind: 'scan', id: scanId },
        related: scopeOf(row),
        detail: {
          scope: row.scope_name,
          targets: row.targets,
          resolved: row.resolved,
          exclude: row.exclude,
          ports: row.ports,
          ...(row.udp === 'none' ? {} : { udp: row.udp }),
          rate: row.rate,
          kind: row.kind,
        },
      });
    }
    await tx.publish('scans', { scanId });
    return row;
  });
}

async function runWindows(run: Run): Promise<boolean> {
  let cursor = Number(run.scan.cursor);
  for (let window = Number(run.scan.window_index); window < run.order.windows; window++) {
    if (await restIfDark(run)) return false;
    if (!(await sweepWindow(run, window, cursor))) return false;
    if (!(await readWindow(run, window))) return false;
    cursor = 0;
  }
  return true;
}

async function sweepWindow(run: Run, window: number, from: number): Promise<boolean> {
  const { order, guard, rtt, retries, tempo } = run;
  const report = reporting(run, window, run.counts.done - from);
  const [tcp, all] = [order.pairsIn(window), pairsIn(run, window)];
  const pairAt = (index: number): Pair => order.pairAt(window, index);
  if (from < tcp && !(await sweep({ guard, from, to: tcp, pairAt, rtt, retries, tempo, report }))) return false;
  if (all === tcp) return true;
  const addresses = order.addressesIn(window);
  const udpAt = (index: number): Pair => {
    const place = index - tcp;
    return { address: addresses[place % addresses.length]!, port: run.udp[Math.floor(place / addresses.length)]! };
  };
  return sweepUdp({ guard, from: Math.max(from, tcp), to: all, pairAt: udpAt, report });
}

/** Of address and port: those over TCP first, those over UDP after them. */
const pairsIn = ({ order, ports, udp }: Pick<Run, 'order' | 'ports' | 'udp'>, window: number): number =>
  (order.pairsIn(window) / ports.length) * (ports.length + udp.length);

/** `before`: pairs of the windows before. */
function reporting(run: Run, window: number, before: number): (progress: SweepProgress) => Promise<boolean> {
  const { platform, scan, runner } = run;
  return async ({ cursor, open }) => {
    run.counts.done = before + cursor;
    noteDone(run.speed, run.counts.done, performance.now());
    return platform.observe(actorOf(scan), async (tx) => {
      if (!(await holdScan(tx.db, scan.id, runner))) return false;
      await saveOpen(tx.db, scan.id, open);
      await tx.publish('scans', { scanId: scan.id });
      const progress = { window, cursor, counts: run.counts, pace: paceOf(run), now: tx.now };
      return (await saveProgress(tx.db, scan.id, runner, progress)) && !(await rest(tx, run));
    });
  };
}

/**
 * Probes what is open in this window, and stores it in portions. Each is stored together with what is left to read, so
 * whoever goes on after a pause or a crash looks again at one portion at most.
 */
async function readWindow(run: Run, window: number): Promise<boolean> {
  const { platform, scan, runner } = run;
  const open = (await openOf(platform.db, scan.id)).filter(({ address }) => run.guard.allows(address));
  const portions = portionsOf(open, run.options.portion ?? PORTION);
  for (const [index, portion] of portions.entries()) {
    if (!(await readPortion(run, window, { portion, left: portions.slice(index + 1).flat() }))) return false;
  }
  const found = new Set(open.map(({ address }) => address));
  const rest = run.order.addressesIn(window).filter((address) => !found.has(address) && isStillAsked(run, address));
  const known = new Set(await knownAddresses(platform.db, undefined, rest));
  const { neighbours, before } = run;
  const seen = await whileOurs(run, (signal) => whoIsUp(run.guard, rest, { signal, neighbours, known, before }));
  if (!seen) return false;
  return platform.observe(actorOf(scan), async (tx) => {
    if (!(await holdScan(tx.db, scan.id, runner))) return false;
    await storeUp(platform, tx, { scanId: scan.id, counts: run.counts, ...seen });
    await ageEndpoints(tx, run.options.ageing, missedOf(run, window, open));
    return nextWindow(run, tx, window);
  });
}

/** A runner that may not go on stores nothing. */
async function readPortion(
  run: Run,
  window: number,
  { portion, left }: { portion: readonly Pair[]; left: Pair[] },
): Promise<boolean> {
  const { platform, scan, runner } = run;
  const seen = await whileOurs(run, (signal) => lookAround(run, portion, signal));
  if (!seen) return false;
  return platform.observe(actorOf(scan), async (tx) => {
    if (!(await holdScan(tx.db, scan.id, runner))) return false;
    const counts = { ...run.counts, open: run.counts.open + portion.length };
    if (seen.bogus > 0) counts.bogus = (counts.bogus ?? 0) + seen.bogus;
    await storeWindow(platform, tx, { scanId: scan.id, ...seen, counts });
    run.counts = counts;
    await clearOpen(tx.db, scan.id);
    await saveOpen(tx.db, scan.id, left);
    await tx.publish('scans', { scanId: scan.id });
    const cursor = pairsIn(run, window);
    return saveProgress(tx.db, scan.id, runner, { window, cursor, counts, pace: paceOf(run), now: tx.now });
  });
}

async function lookAround(run: Run, open: readonly Pair[], signal: AbortSignal) {
  const { platform, guard, scopes } = run;
  const { udp: overUdp = [], tcp: overTcp = [] } = Object.groupBy(open, ({ transport = 'tcp' }) => transport);
  const known = await beforehand(platform.db, overTcp, run.scan.named);
  const now = (): Date => platform.now();
  const all = [
    ...(await lookAt(guard, overTcp, now, signal, { ...known, traps: run.answering.traps })),
    ...(await lookAgainUdp(guard, overUdp, now, signal)),
  ];
  // One that was cut off by an exclusion saw a hung-up server, not the server.
  const own = all.filter(({ address }) => !run.refused.has(address));
  const bogus = await bogusOf(platform, guard, own, { ...run.answering, signal });
  const looks = own.filter(({ address }) => !bogus.has(address));
  const sightings = sightingsFrom(looks, 'scan');
  const alive = await askEarlierAddresses(platform, scopes, run.options.buckets, sightings, signal);
  return { looks, sightings, alive, bogus: bogus.size };
}

/** Says that this runner is alive while `work` takes its time; null when the scan is no longer ours to run. */
async function whileOurs<T>(run: Run, work: (signal: AbortSignal) => Promise<T>): Promise<T | null> {
  const { platform, scan, runner } = run;
  const abort = new AbortController();
  const beating = (async () => {
    while (!abort.signal.aborted) {
      if (!(await beatScan(platform.db, scan.id, runner, platform.now()))) return abort.abort();
      if (await restIfDark(run)) return abort.abort();
      await sleep(BEAT_MS, undefined, { signal: abort.signal }).catch(() => undefined);
    }
  })();
  const working = work(abort.signal);
  try {
    return await Promise.race([working, beating.then(() => null)]);
  } finally {
    abort.abort();
    // Nothing of it goes on behind our back.
    await working.catch(() => undefined);
  }
}

async function nextWindow(run: Run, tx: Tx, window: number): Promise<boolean> {
  await clearOpen(tx.db, run.scan.id);
  await tx.publish('scans', { scanId: run.scan.id });
  const progress = { window: window + 1, cursor: 0, counts: run.counts, pace: paceOf(run), now: tx.now };
  return saveProgress(tx.db, run.scan.id, run.runner, progress);
}

function missedOf(run: Run, window: number, open: readonly Pair[]) {
  const found = new Set(open.map(endpointName));
  return {
    addresses: run.order.addressesIn(window).filter((address) => isStillAsked(run, address)),
    ports: run.ports,
    udp: run.udp,
    isOpen: (at: Pair): boolean => found.has(endpointName(at)),
    // What an earlier runner stored of this window is not among those found.
    since: run.scan.started_at!,
  };
}

const isStillAsked = (run: Run, address: string): boolean => run.guard.allows(address) && !run.refused.has(address);

async function finish(run: Run): Promise<void> {
  const { platform, scan } = run;
  const inScan = (address: string): boolean => isStillAsked(run, address);
  await platform.observe(actorOf(scan), async (tx) => {
    if (!(await holdScan(tx.db, scan.id, run.runner))) return;
    const looked = { ports: run.ports, udp: run.udp, pinged: run.guard.ping !== null, inScan };
    run.counts.offline = await countOffline(tx, { since: scan.started_at!, ...looked });
    const progress = { window: run.order.windows, cursor: 0, counts: run.counts, pace: paceOf(run), now: tx.now };
    if (!(await saveProgress(tx.db, scan.id, run.runner, progress))) return;
    await setScanState(tx.db, scan.id, ['running'], { state: 'done', finishedAt: tx.now });
    await tx.record({
      type: 'discovery.scan.finished',
      subject: { kind: 'scan', id: scan.id },
      related: scopeOf(scan),
      detail: {
        outcome: 'done',
        scope: scan.scope_name,
        targets: scan.targets,
        ports: scan.ports,
        ...(scan.udp === 'none' ? {} : { udp: scan.udp }),
        counts: countsOf(run.counts),
        path: run.chosen.path,
      },
    });
    await tx.publish('scans', { scanId: scan.id });
  });
}
