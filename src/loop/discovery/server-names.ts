import { chainsOf, tlsOf, type TlsSeen } from '../../model/probe.ts';
import { type KnownTls, MOST_KNOWN_TLS } from '../../model/tls-depth.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { serverNames } from '../../scan/logic/server-names.ts';
import type { KnownAt, NamesAt } from '../../scan/scanner/observe.ts';
import type { Pair } from '../../scan/scanner/sweep.ts';
import { spaceOf } from './logic/place.ts';
import { seenInDepth, tlsSeenAt } from './store-endpoints.ts';
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
  const names: NamesAt = (pair) =>
    serverNames(resolved[pair.address] ?? [], told.get(pair.address) ?? [], ...shownBy(tlsOf(known(pair))));
  return { known: (pair) => tlsOf(known(pair)), names };
}

const shownBy = (tls: TlsSeen | null): string[][] => chainsOf(tls).map(([leaf]) => leaf?.names ?? []);

/** The same for who looks for us at addresses elsewhere: of servers that were seen there, by whomever. */
export async function knownTlsAt(
  db: DbOrTx,
  at: { addresses: readonly string[]; ports: readonly number[]; site: string },
): Promise<KnownTls[]> {
  const spaces = Map.groupBy(at.addresses, (address) => spaceOf(at.site, address));
  const told = new Map<string, string[]>();
  for (const [space, addresses] of spaces)
    for (const [address, names] of await namesAtAddresses(db, addresses, space)) told.set(address, names);
  const seen = await tlsSeenAt(db, at, MOST_KNOWN_TLS);
  return seen.map(({ address, port, probe }) => {
    const tls = tlsOf(probe);
    return { address, port, depth: tls?.depth ?? null, names: serverNames(told.get(address) ?? [], ...shownBy(tls)) };
  });
}
