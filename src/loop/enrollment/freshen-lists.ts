import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../../host/host.ts';
import { findPackageManager } from '../../host/packages/find-manager.ts';
import { LISTS_EVERY_MS } from '../../host/packages/lists-every.ts';
import type { FactCaches } from './fact-caches.ts';

/** A host that cannot reach its archive is looked at all the same, with the lists that it has. */
const LONGEST_MS = 60_000;

/**
 * When each machine last had its lists fetched, the earliest first. Beside what is kept of facts, and for many more hosts:
 * a number is small, and an archive must not be asked at each look because a worker looks after many.
 */
const fetchedAt = new WeakMap<FactCaches, Map<string, number>>();

/** As an agent does (decision 0075): else a host over SSH has nothing pending, whatever its archive offers. */
export async function freshenLists(
  host: Host,
  { caches, key }: { caches: FactCaches; key: string },
  now: Date,
): Promise<void> {
  if (!isDue(caches, key, now.getTime())) return;
  const done = new AbortController();
  const refreshed = refresh(host).finally(() => done.abort());
  await Promise.race([refreshed, sleep(LONGEST_MS, undefined, { signal: done.signal }).catch(() => undefined)]);
}

/** Notes it also where it fails then: the next look need not wait for the same silence. */
function isDue(caches: FactCaches, key: string, at: number): boolean {
  const times = fetchedAt.get(caches) ?? new Map<string, number>();
  fetchedAt.set(caches, times);
  const isRecent = (time: number): boolean => time <= at && at - time < LISTS_EVERY_MS;
  const last = times.get(key);
  if (last !== undefined && isRecent(last)) return false;
  times.delete(key);
  times.set(key, at);
  for (const [one, time] of times) {
    if (isRecent(time)) break;
    times.delete(one);
  }
  return true;
}

/** A connection that breaks here breaks the look by itself. */
async function refresh(host: Host): Promise<void> {
  try {
    await (await findPackageManager(host))?.refresh();
  } catch {
    // What it could not fetch, the age of the lists tells (security-updates-not-looked-for).
  }
}
