import { LOCAL_SITE } from '../../../model/site.ts';
import type { Evidence } from './judge/context.ts';
import { socketOf } from './judge/listeners.ts';

/** Between a package and the site that its listener was reached from. */
export const REACHED_FROM = '\t';

export interface Reached {
  /** package TAB site, in order */
  places: string[];
  /** when the last of them was seen open; null: none was */
  at: string | null;
}

/**
 * Packages whose listeners were found open by a look from outside: by this server or by a scanner of a site, and not by
 * the host's word nor by what another agent tells. `away`: addresses that are the host's at other sites only.
 */
export function reachedOf(evidence: Evidence, away: ReadonlyMap<string, string>): Reached {
  const places = new Set<string>();
  let at: string | null = null;
  for (const endpoint of evidence.endpoints) {
    if (endpoint.state !== 'open' || endpoint.via) continue;
    const socket = socketOf(evidence, endpoint);
    if (!socket?.package) continue;
    places.add(`${socket.package}${REACHED_FROM}${away.get(endpoint.address) ?? LOCAL_SITE}`);
    if (at === null || endpoint.lastSeen > at) at = endpoint.lastSeen;
  }
  return { places: [...places].toSorted(), at };
}

/** Sites that any of these packages was reached from. */
export function sitesOf(places: readonly string[], names: ReadonlySet<string>): string[] {
  return places.flatMap((place) => {
    const [name, site] = place.split(REACHED_FROM);
    return names.has(name!) ? [site!] : [];
  });
}
