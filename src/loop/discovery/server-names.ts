import { tlsOf } from '../../model/probe.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { serverNames } from '../../scan/logic/server-names.ts';
import type { KnownAt, NamesAt } from '../../scan/scanner/observe.ts';
import type { Pair } from '../../scan/scanner/sweep.ts';
import { seenInDepth } from './store-endpoints.ts';
import { namesAtAddresses } from './store-names.ts';

/** What a look at these ports need not find out by itself: what was seen there last, and by which names it is known. */
export interface Beforehand {
  known: KnownAt;
  names: NamesAt;
}

/**
 * Names come first from those who tell what leads to the address (names of a scan, zones, lists, the host itself), then
 * from the certificates that were seen there.
 */
export async function beforehand(
  db: DbOrTx,
  pairs: readonly Pair[],
  resolved: Readonly<Record<string, string[]>> = {},
): Promise<Beforehand> {
  const told = await namesAtAddresses(db, [...new Set(pairs.map(({ address }) => address))]);
  const known = await seenInDepth(db, pairs);
  const names: NamesAt = (pair) => {
    const tls = tlsOf(known(pair));
    const shown = [tls?.chain[0]?.names ?? [], ...(tls?.named ?? []).map(({ chain }) => chain[0]?.names ?? [])];
    return serverNames(resolved[pair.address] ?? [], told.get(pair.address) ?? [], ...shown);
  };
  return { known, names };
}
