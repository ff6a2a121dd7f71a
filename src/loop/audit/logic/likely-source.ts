import { type SharedTrait, TRAIT_KINDS, type TraitKind } from '../../../model/likely-source.ts';

export interface Trait {
  kind: TraitKind;
  value: string;
}

/** One host: what it has, and of which kinds of traits anything is known at all. */
export interface Traits {
  inGroup: boolean;
  kinds: ReadonlySet<TraitKind>;
  traits: readonly Trait[];
}

/** Below these it may as well be chance, and is not told. */
const LEAST_HOSTS = 2;
const LEAST_SHARE = 0.6;
const LEAST_LIFT = 2;
const MOST_TOLD = 8;

interface Counted {
  trait: Trait;
  hosts: number[];
  has: number;
  othersHave: number;
}

/**
 * What the hosts of a group have in common that others do not: the likeliest first. A host of which nothing of the kind is
 * known counts neither way. What is on just the same hosts is told once, by the kind that says most.
 */
export function sharedTraits(hosts: readonly Traits[], called: string): SharedTrait[] {
  const known = knownBy(hosts);
  const told = countedIn(hosts)
    .map((one) => toShared(one, known.get(one.trait.kind)!, called))
    .filter(
      ({ shared }) => shared.has >= LEAST_HOSTS && shared.has / shared.of >= LEAST_SHARE && shared.lift >= LEAST_LIFT,
    );
  const alike = Map.groupBy(told, ({ hosts: which }) => which);
  return [...alike.values()]
    .map((same) => {
      const [first] = same.toSorted((a, b) => rank(a.shared) - rank(b.shared));
      return { ...first!.shared, alike: same.length - 1 };
    })
    .toSorted((a, b) => b.has / b.of - a.has / a.of || b.lift - a.lift || rank(a) - rank(b))
    .slice(0, MOST_TOLD);
}

const rank = ({ kind }: Trait): number => TRAIT_KINDS.indexOf(kind);

interface Known {
  of: number;
  othersOf: number;
}

function knownBy(hosts: readonly Traits[]): Map<TraitKind, Known> {
  return new Map(
    TRAIT_KINDS.map((kind) => {
      const those = hosts.filter(({ kinds }) => kinds.has(kind));
      const of = those.filter(({ inGroup }) => inGroup).length;
      return [kind, { of, othersOf: those.length - of }];
    }),
  );
}

function countedIn(hosts: readonly Traits[]): Counted[] {
  const counted = new Map<string, Counted>();
  for (const [index, { inGroup, traits }] of hosts.entries()) {
    for (const trait of traits) {
      const key = `${trait.kind} ${trait.value}`;
      const one = counted.get(key) ?? { trait, hosts: [], has: 0, othersHave: 0 };
      one.hosts.push(index);
      one[inGroup ? 'has' : 'othersHave'] += 1;
      counted.set(key, one);
    }
  }
  return [...counted.values()];
}

function toShared(
  { trait, hosts, has, othersHave }: Counted,
  { of, othersOf }: Known,
  called: string,
): { shared: SharedTrait; hosts: string } {
  // Half a host more on the side of the others: nobody at all among few is no proof.
  const lift = of === 0 ? 0 : has / of / ((othersHave + 0.5) / (othersOf + 0.5));
  const text = `${has} of ${of} ${called} hosts ${WORDS[trait.kind](trait.value)}; ${othersHave} of ${othersOf} others`;
  const shared = { ...trait, has, of, othersHave, othersOf, lift: Math.round(lift * 10) / 10, alike: 0, text };
  return { shared, hosts: hosts.join(' ') };
}

const WORDS: Record<TraitKind, (value: string) => string> = {
  image: (value) => `were created from image ${value}`,
  'cloud image': (value) => `were started from cloud image ${value}`,
  tag: (value) => `have the tag ${value}`,
  package: (value) => `have ${value}`,
  archive: (value) => `install from ${value}`,
  setting: (value) => `are set to ${value}`,
};

/** At most so many, evenly among all: which ones does not depend on who asks. */
export function evenly<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  return Array.from({ length: most }, (_, index) => items[Math.floor((index * items.length) / most)]!);
}
