import { randomUUID } from 'node:crypto';
import { systemActor } from '../../model/actor.ts';
import type { ScanCounts } from '../../model/estate.ts';
import { isAppError } from '../../model/errors/index.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { askEarlierAddresses } from './identity.ts';
import { newRtt } from './logic/pace.ts';
import { parsePorts } from './logic/ports.ts';
import { containsAddress } from './logic/targets.ts';
import { scanOrder, type Windows } from './logic/windows.ts';
import { ageEndpoints, countOffline, storeWindow } from './results.ts';
import { scanIntervals } from './scans.ts';
import { createGuard, type Guard } from './scanner/guard.ts';
import { lookAt, sightingsFrom } from './scanner/observe.ts';
import { type Pair, sweep } from './scanner/sweep.ts';
import type { Ageing } from './results.ts';
import type { Buckets } from './scopes.ts';
import {
  claimScan,
  clearOpen,
  findReach,
  openOf,
  saveOpen,
  saveProgress,
  scanRow,
  type ScanRow,
  setScanState,
} from './store-scans.ts';

const CONNECTIONS_AT_ONCE = 200;

export interface ScannerOptions {
  buckets: Buckets;
  ageing: Ageing;
}

interface Run {
  platform: Platform;
  options: ScannerOptions;
  scan: ScanRow;
  runner: string;
  order: Windows;
  ports: number[];
  guard: Guard;
  counts: ScanCounts;
}

/** Runs a scan, or goes on with it where a crash, a pause or another worker left it. */
export async function runScan(platform: Platform, options: ScannerOptions, scanId: string): Promise<void> {
  const runner = randomUUID();
  const scan = await begin(platform, scanId, runner);
  const run = scan && (await prepare(platform, options, scan, runner));
  if (run && (await runWindows(run))) await finish(run);
}

/** What a person must correct ends the scan; anything else (a database that is away) is tried again by the queue. */
async function prepare(
  platform: Platform,
  options: ScannerOptions,
  scan: ScanRow,
  runner: string,
): Promise<Run | null> {
  try {
    const intervals = scanIntervals(scan);
    const ports = parsePorts(scan.ports);
    const order = scanOrder(intervals, ports, Number(scan.seed));
    const bucket = options.buckets.of(scan.scope_id ?? scan.id, scan.rate);
    const guard = createGuard({ allows: (address) => containsAddress(intervals, address), bucket });
    return { platform, options, scan, runner, order, ports, guard, counts: { ...scan.counts } };
  } catch (error) {
    if (!isAppError(error)) throw error;
    await platform.observe(actorOf(scan), async (tx) => {
      await setScanState(tx.db, scan.id, ['running'], { state: 'failed', error: error.message });
      await tx.publish('scans', { scanId: scan.id });
    });
    return null;
  }
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
          rate: row.rate,
        },
      });
    }
    await tx.publish('scans', { scanId });
    return row;
  });
}

const scopeOf = (scan: ScanRow) =>
  scan.scope_id
    ? [{ kind: 'scope' as const, id: scan.scope_id, ...(scan.scope_name ? { name: scan.scope_name } : {}) }]
    : [];

async function runWindows(run: Run): Promise<boolean> {
  let cursor = Number(run.scan.cursor);
  for (let window = Number(run.scan.window_index); window < run.order.windows; window++) {
    if (!(await sweepWindow(run, window, cursor))) return false;
    if (!(await readWindow(run, window))) return false;
    cursor = 0;
  }
  return true;
}

async function sweepWindow(run: Run, window: number, from: number): Promise<boolean> {
  const { platform, scan, runner, order } = run;
  const before = run.counts.done - from;
  return sweep({
    guard: run.guard,
    from,
    to: order.pairsIn(window),
    pairAt: (index) => order.pairAt(window, index),
    rtt: newRtt(),
    concurrency: CONNECTIONS_AT_ONCE,
    report: async ({ cursor, open }) => {
      run.counts.done = before + cursor;
      return platform.observe(actorOf(scan), async (tx) => {
        await saveOpen(tx.db, scan.id, open);
        await tx.publish('scans', { scanId: scan.id });
        return saveProgress(tx.db, scan.id, runner, { window, cursor, counts: run.counts, now: tx.now });
      });
    },
  });
}

/** Probes what is open in this window and stores it all together with the step to the next window. */
async function readWindow(run: Run, window: number): Promise<boolean> {
  const { platform, scan, guard } = run;
  const open = await openOf(platform.db, scan.id);
  const looks = await lookAt(guard, open, () => platform.now());
  const sightings = sightingsFrom(looks, 'scan');
  const scopes = await findReach(platform.db);
  const alive = await askEarlierAddresses(platform, scopes, run.options.buckets, sightings);
  return platform.observe(actorOf(scan), async (tx) => {
    const counts = { ...run.counts, open: run.counts.open + open.length };
    await storeWindow(platform, tx, { scanId: scan.id, looks, sightings, alive, counts });
    await ageEndpoints(tx, run.options.ageing, missedOf(run, window, open));
    run.counts = counts;
    return nextWindow(run, tx, window);
  });
}

async function nextWindow(run: Run, tx: Tx, window: number): Promise<boolean> {
  await clearOpen(tx.db, run.scan.id);
  await tx.publish('scans', { scanId: run.scan.id });
  const progress = { window: window + 1, cursor: 0, counts: run.counts, now: tx.now };
  return saveProgress(tx.db, run.scan.id, run.runner, progress);
}

function missedOf(run: Run, window: number, open: readonly Pair[]) {
  const found = new Set(open.map(({ address, port }) => `${address} ${port}`));
  return {
    addresses: run.order.addressesIn(window),
    ports: run.ports,
    isOpen: (address: string, port: number): boolean => found.has(`${address} ${port}`),
  };
}

async function finish(run: Run): Promise<void> {
  const { platform, scan } = run;
  const inScan = run.guard.allows;
  await platform.observe(actorOf(scan), async (tx) => {
    run.counts.offline = await countOffline(tx, { since: scan.started_at!, ports: run.ports, inScan });
    const progress = { window: run.order.windows, cursor: 0, counts: run.counts, now: tx.now };
    if (!(await saveProgress(tx.db, scan.id, run.runner, progress))) return;
    await setScanState(tx.db, scan.id, ['running'], { state: 'done', finishedAt: tx.now });
    await tx.record({
      type: 'discovery.scan.finished',
      subject: { kind: 'scan', id: scan.id },
      related: scopeOf(scan),
      detail: { outcome: 'done', scope: scan.scope_name, targets: scan.targets, ports: scan.ports, counts: run.counts },
    });
    await tx.publish('scans', { scanId: scan.id });
  });
}
