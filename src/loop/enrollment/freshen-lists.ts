import { setTimeout as sleep } from 'node:timers/promises';
import type { FactCache } from '../../host/facts/look.ts';
import type { Host } from '../../host/host.ts';
import { findPackageManager } from '../../host/packages/find-manager.ts';
import { LISTS_EVERY_MS } from '../../host/packages/lists-every.ts';

/** A host that cannot reach its archive is looked at all the same, with the lists that it has. */
const LONGEST_MS = 60_000;

/** When we last had lists fetched; forgotten with what else was kept from look to look. */
const fetchedAt = new WeakMap<FactCache, number>();

/** As an agent does (decision 0075): else a host over SSH has nothing pending, whatever its archive offers. */
export async function freshenLists(host: Host, cache: FactCache, now: Date): Promise<void> {
  const [at, last] = [now.getTime(), fetchedAt.get(cache)];
  if (last !== undefined && last <= at && at - last < LISTS_EVERY_MS) return;
  // Also where it fails: the next look need not wait for the same silence.
  fetchedAt.set(cache, at);
  const done = new AbortController();
  const refreshed = refresh(host).finally(() => done.abort());
  await Promise.race([refreshed, sleep(LONGEST_MS, undefined, { signal: done.signal }).catch(() => undefined)]);
}

/** A connection that breaks here breaks the look by itself. */
async function refresh(host: Host): Promise<void> {
  try {
    await (await findPackageManager(host))?.refresh();
  } catch {
    // What it could not fetch, the age of the lists tells (security-updates-not-looked-for).
  }
}
