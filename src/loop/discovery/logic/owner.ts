import type { LikelyOwner } from '../../../model/unknown.ts';
import { formatAddress, parseAddress } from '../../../scan/logic/address.ts';

export interface Owned {
  id: string;
  name: string;
  owner: string | null;
  addresses: readonly string[];
  /** SHA-256 of the public keys that it serves TLS with */
  tlsKeys: readonly string[];
}

/** How much each kind of evidence says. A key is on purpose, a subnet is where there was room. */
const WEIGHT = { key: 8, name: 4, talks: 3, subnet: 1 } as const;
const MOST = 3;
/** Of a subnet with several owners, this share at least has to be one's. */
const MAJORITY = 0.5;

type Clue = { kind: keyof typeof WEIGHT; why: string };

/** Whom the hosts that are claimed belong to, by what they have in common with others. Built once, asked for each host. */
export class Owners {
  readonly #byKey: Map<string, Owned[]>;
  readonly #byStem: Map<string, Owned[]>;
  readonly #bySubnet: Map<string, Owned[]>;
  readonly #byId: Map<string, Owned>;

  constructor(hosts: readonly Owned[]) {
    const owned = hosts.filter(({ owner }) => owner !== null);
    const by = (keys: (host: Owned) => readonly string[]): Map<string, Owned[]> => {
      const map = new Map<string, Owned[]>();
      for (const host of owned) for (const key of new Set(keys(host))) map.set(key, [...(map.get(key) ?? []), host]);
      return map;
    };
    this.#byKey = by(({ tlsKeys }) => tlsKeys);
    this.#byStem = by(({ name }) => [stemOf(name) ?? []].flat());
    this.#bySubnet = by(({ addresses }) => addresses.flatMap((address) => subnetOf(address) ?? []));
    this.#byId = new Map(owned.map((host) => [host.id, host]));
  }

  /** `seenBy`: ids of the hosts that see it. */
  of(host: Owned, seenBy: readonly string[]): LikelyOwner[] {
    const clues = new Map<string, Clue[]>();
    const add = (owner: string, clue: Clue): void => void clues.set(owner, [...(clues.get(owner) ?? []), clue]);
    for (const [owner, names] of ownersOf(
      host.tlsKeys.flatMap((key) => this.#byKey.get(key) ?? []),
      host,
    ))
      add(owner, { kind: 'key', why: `serves the TLS key of ${listed(names)}` });
    for (const [owner, names] of ownersOf(this.#byStem.get(stemOf(host.name) ?? '') ?? [], host))
      add(owner, { kind: 'name', why: `is called like ${listed(names)}` });
    for (const [owner, names] of ownersOf(
      seenBy.flatMap((id) => this.#byId.get(id) ?? []),
      host,
    ))
      add(owner, { kind: 'talks', why: `is seen by ${listed(names)}` });
    for (const subnet of new Set(host.addresses.flatMap((address) => subnetOf(address) ?? []))) {
      const there = ownersOf(this.#bySubnet.get(subnet) ?? [], host);
      const all = [...there.values()].reduce((sum, names) => sum + names.length, 0);
      for (const [owner, names] of there)
        if (names.length / all > MAJORITY)
          add(owner, { kind: 'subnet', why: `is in ${subnet}, where ${names.length} of ${all} are theirs` });
    }
    const weight = (some: Clue[]): number => some.reduce((sum, { kind }) => sum + WEIGHT[kind], 0);
    return [...clues]
      .map(([owner, some]) => ({ owner, some }))
      .toSorted((a, b) => weight(b.some) - weight(a.some) || (a.owner < b.owner ? -1 : 1))
      .slice(0, MOST)
      .map(({ owner, some }) => ({ owner, why: some.map(({ why }) => why) }));
  }
}

/** Names of the others, by owner. */
function ownersOf(hosts: readonly Owned[], besides: Owned): Map<string, string[]> {
  const others = new Map(hosts.filter(({ id }) => id !== besides.id).map((host) => [host.id, host]));
  const groups = Map.groupBy(others.values(), ({ owner }) => owner!);
  return new Map([...groups].map(([owner, some]) => [owner, some.map(({ name }) => name)]));
}

const listed = (names: readonly string[]): string =>
  names.length <= 2 ? names.join(' and ') : `${names[0]} and ${names.length - 1} more`;

/** `db-07.fra.example.org` and `db-12.fra.example.org` are siblings; an address is no name, and neither is a word alone. */
export function stemOf(name: string): string | null {
  if (parseAddress(name)) return null;
  const [, word, domain] = /^([a-z][a-z_-]*?)[-_]?\d+[a-z]?(?:\.(.+))?$/i.exec(name) ?? [];
  return word && word.length > 1 ? `${word}#.${domain ?? ''}`.toLowerCase() : null;
}

/** The /24 of an IPv4 address or the /64 of an IPv6 one, as people write it. */
export function subnetOf(address: string): string | null {
  const parsed = parseAddress(address);
  if (!parsed) return null;
  const [bits, length] = parsed.family === 4 ? [8n, 24] : [64n, 64];
  return `${formatAddress(parsed.family, (parsed.value >> bits) << bits)}/${length}`;
}
