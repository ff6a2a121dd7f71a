import { isAppError } from '../../model/errors/index.ts';
import { affectedBy, blindSpots, type Sources } from './affected.ts';
import { estateOf } from './affected-by-feeds.ts';
import { rangesIn } from './logic/ecosystems.ts';
import { countByHost, matching } from './store-finding-pages.ts';

export interface Unjudged {
  kit?: string | undefined;
  advisory?: string | undefined;
}

/** Of how many managed hosts nobody can tell whether it concerns them: that kit or advisory, or else any kit that there is. */
export async function countUnjudged(sources: Sources, { kit, advisory }: Unjudged): Promise<number> {
  const { platform, discovery, kits } = sources;
  const { hosts, systems } = await estateOf(platform, discovery);
  const estate = { hosts: hosts.filter(({ management }) => management === 'managed'), systems };
  if (kit === undefined && advisory !== undefined) {
    const managed = new Set(estate.hosts.map(({ id }) => id));
    return distinct((await unknownTo(sources, advisory)).filter((id) => managed.has(id)));
  }
  const unjudged: string[] = [];
  for (const one of kits.filter((loaded) => kit === undefined || loaded.kit.kit === kit)) {
    const blind = blindSpots(estate, [rangesIn(one.kit.checks)]);
    if (blind.length === 0) continue;
    // What was found there was judged all the same.
    const asked = matching({ kit: one.kit.kit, hostIds: blind.map(({ hostId }) => hostId) });
    const found = new Set((await countByHost(platform.db, asked)).map(({ host }) => host));
    unjudged.push(...blind.flatMap(({ hostId, seen }) => (seen && found.has(hostId) ? [] : [hostId])));
  }
  return distinct(unjudged);
}

const distinct = (ids: readonly string[]): number => new Set(ids).size;

/** Of what only a kit knew that was removed nobody says anything. */
async function unknownTo(sources: Sources, advisory: string): Promise<string[]> {
  try {
    return (await affectedBy(sources, advisory)).unknown.map(({ hostId }) => hostId);
  } catch (error) {
    if (isAppError(error, 'ADVISORY_UNKNOWN') || isAppError(error, 'AFFECTED_QUERY')) return [];
    throw error;
  }
}
