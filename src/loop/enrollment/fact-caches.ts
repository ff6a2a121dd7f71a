import type { FactCache } from '../../host/facts/look.ts';

/** What earlier looks found out, by access and machine; the one used last stands last. */
export type FactCaches = Map<string, FactCache>;

/** As many as a worker can be expected to look at in turn; the rest of them is read anew each time. */
const MOST_HOSTS = 500;

/**
 * Kept from look to look, as an agent keeps its own: without it, every look would read the file lists of all packages over
 * the wire again.
 */
export function cacheOf(caches: FactCaches, key: string, most = MOST_HOSTS): FactCache {
  const cache: FactCache = caches.get(key) ?? new Map();
  caches.delete(key);
  caches.set(key, cache);
  while (caches.size > most) caches.delete(caches.keys().next().value!);
  return cache;
}
