import type { DbOrTx } from '../../platform/context.ts';
import { kindsOf } from './affected-by-feeds.ts';
import { feedRows, releasesSpokenOf } from './store-feeds.ts';
import { systemOf } from './store-named.ts';

/** Why nothing that feeds say of a host's packages would prove nothing: nobody looked, or no feed speaks of its release. */
export async function silentOf(db: DbOrTx, hostId: string): Promise<string[]> {
  const system = await systemOf(db, hostId);
  if (!system) return ['its packages were never collected'];
  const kinds = kindsOf(system);
  const feeds = (await feedRows(db)).flatMap(({ name, digest }) => (digest === null ? [] : [name]));
  const spoken = await releasesSpokenOf(db, feeds, kinds);
  return kinds
    .filter((kind) => !spoken.some((one) => one.ecosystem === kind.ecosystem && one.release === kind.release))
    .map(({ ecosystem, release }) => `no feed speaks of ${ecosystem} ${release ?? 'of no release that it tells'}`);
}
