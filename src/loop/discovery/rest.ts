import { systemActor } from '../../model/actor.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import type { Interval } from '../../scan/logic/address.ts';
import type { LiveScopes } from './live-scopes.ts';
import type { Dark } from './logic/blackout.ts';
import { intervalsOfScan } from './scans.ts';
import { restScan, scanRow, type ScanRow } from './store-scans.ts';

/** Reports come twice a second: what rests so long before a blackout sends nothing in it. */
const AHEAD_MS = 1000;

interface Walking {
  platform: Platform;
  scopes: LiveScopes;
  scan: ScanRow;
  runner: string;
  intervals: readonly Interval[];
}

const darkSoon = ({ scopes, intervals }: Pick<Walking, 'scopes' | 'intervals'>, now: Date): Dark | null =>
  soon(now, (at) => scopes.dark(intervals, at));

/** May no look begin at an address that we follow a connection to, because a blackout is on or all but? */
export const isDarkSoonAt = (scopes: LiveScopes, address: string, now: Date): boolean =>
  soon(now, (at) => scopes.darkAt(address, at)) !== null;

/** Is a blackout on over these addresses, or all but? */
export const isDarkSoon = (scopes: LiveScopes, intervals: readonly Interval[], now: Date): Dark | null =>
  darkSoon({ scopes, intervals }, now);

const soon = (now: Date, darkAt: (at: Date) => Dark | null): Dark | null =>
  darkAt(now) ?? darkAt(new Date(now.getTime() + AHEAD_MS));

/** In a blackout a scan rests, with all that it stored so far; true when it does. The timer wakes it. */
export async function rest(tx: Tx, walking: Walking): Promise<boolean> {
  const dark = darkSoon(walking, tx.now);
  if (!dark) return false;
  await restScan(tx.db, walking.scan.id, dark, walking.runner);
  await tx.publish('scans', { scanId: walking.scan.id });
  return true;
}

export async function restIfDark(walking: Walking): Promise<boolean> {
  if (!darkSoon(walking, walking.platform.now())) return false;
  return walking.platform.observe(systemActor('scan'), (tx) => rest(tx, walking));
}

/** A scan whose turn comes in a blackout does not begin. */
export async function restsBefore(platform: Platform, scopes: LiveScopes, scanId: string): Promise<boolean> {
  const scan = await scanRow(platform.db, scanId);
  if (!scan || scan.state !== 'queued') return false;
  const dark = darkSoon({ scopes, intervals: await intervalsOfScan(platform.db, scan) }, platform.now());
  if (!dark) return false;
  return platform.observe(systemActor('scan'), async (tx) => {
    await tx.publish('scans', { scanId });
    return restScan(tx.db, scanId, dark, null);
  });
}
