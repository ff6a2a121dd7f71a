import { systemActor } from '../../model/actor.ts';
import { isAppError } from '../../model/errors/index.ts';
import type { Scope } from '../../model/estate.ts';
import type { Platform } from '../../platform/context.ts';
import { type LiveScopes, withScopes } from './live-scopes.ts';
import { delayOf, isDue } from './logic/schedule.ts';
import { closePatrols } from './patrols.ts';
import { createScan } from './scans.ts';
import { hostsToFollow } from './store-follow.ts';
import { endIgnores } from './unknown.ts';
import { isRunning, type SourceRow, sourceRows } from './store-sources.ts';
import { activeScanOf, findScopes, lastScanAt, orphanedScans } from './store-scans.ts';

/** A worker that has not reported a scan's progress for so long is dead. */
const ORPHANED_MS = 90_000;
/** Following takes longer than that only when nobody does it. */
const FORGOTTEN_MS = 15 * 60_000;

/** Starts what is due, and wakes what a dead worker left behind. */
export async function scheduleScans(platform: Platform): Promise<void> {
  await closePatrols(platform);
  await endIgnores(platform);
  const now = platform.now();
  for (const scanId of await orphanedScans(platform.db, new Date(now.getTime() - ORPHANED_MS))) {
    await platform.queue.enqueue('discovery.scan', { scanId }, { singletonKey: scanId });
  }
  for (const hostId of await hostsToFollow(platform.db, new Date(now.getTime() - FORGOTTEN_MS))) {
    await platform.queue.enqueue('discovery.follow', { hostId }, { singletonKey: hostId });
  }
  await scheduleSources(platform, now);
  await withScopes(platform, async (scopes) => {
    for (const scope of await findScopes(platform.db)) {
      if (await isDueNow(platform, scopes, scope)) await startScheduled(platform, scope);
    }
  });
}

/** What falls into a blackout stays due, and begins when that is over: not all scopes in the same second. */
async function isDueNow(platform: Platform, scopes: LiveScopes, scope: Scope): Promise<boolean> {
  const now = platform.now();
  if (scope.every === null || (await activeScanOf(platform.db, scope.id))) return false;
  const last = (await lastScanAt(platform.db, scope.id)) ?? new Date(scope.createdAt);
  const moments = [now, new Date(now.getTime() - delayOf(scope.id))];
  return isDue({ id: scope.id, every: scope.every }, last, now) && !moments.some((at) => scopes.darkIn(scope, at));
}

/** Asks the sources whose time has come, and reads files that were handed over to a worker that died. */
async function scheduleSources(platform: Platform, now: Date): Promise<void> {
  for (const row of await sourceRows(platform.db)) {
    if (isRunning(row, now) || !isWaiting(row, now)) continue;
    await platform.queue.enqueue('discovery.source', { sourceId: row.id }, { singletonKey: row.id });
  }
}

const isWaiting = ({ id, every, last_run_at: last, created_at: since, push_secret_id: file }: SourceRow, now: Date) =>
  file !== null || (every !== null && isDue({ id, every }, last ?? since, now));

async function startScheduled(platform: Platform, scope: Scope): Promise<void> {
  try {
    const request = { scope, targets: [], ports: undefined, rate: undefined, confirmWide: true, kind: 'due' as const };
    await createScan(platform, systemActor('scan schedule'), request);
  } catch (error) {
    // Somebody started one a moment before us: then it is being scanned, which is all we want.
    if (isAppError(error, 'SCAN_ACTIVE')) return;
    if (!isAppError(error)) throw error;
    platform.log.warn({ scope: scope.name, code: error.code, why: error.message }, 'a scheduled scan did not start');
  }
}
