import { isCve } from './errata.ts';

interface Said {
  id: string;
  /** other names that it was, or might have been, known by */
  formerly?: readonly string[];
  statement: { aliases: readonly string[] };
}

interface Hole<T> {
  members: T[];
  cves: ReadonlySet<string>;
}

/**
 * Databases have names of their own for one vulnerability: GHSA-… and PYSEC-… of one CVE are one alarm. They are the same
 * where each names the other, be it by way of a third, and no more than one CVE between all of them: an erratum that mends
 * several is none of them. What is kept has the CVE's name, or else the first by the alphabet, and says the worse of what
 * they say.
 */
export function withoutTwins<T extends Said>(matches: readonly T[], worse: (a: T, b: T) => T): T[] {
  const holes = new Map(matches.map((one): [string, Hole<T>] => [one.id, { members: [one], cves: cvesOf(one) }]));
  for (const [one, other] of pairsOf(matches)) join(holes, holes.get(one)!, holes.get(other)!);
  return [...new Set(matches.map(({ id }) => holes.get(id)!))].map(({ members, cves }) => {
    const sorted = members.toSorted((a, b) => byName(a.id, b.id));
    const { id } = sorted[0]!;
    const names = cves.size > 1 ? [] : members.flatMap((one) => [one.id, ...one.statement.aliases]);
    return { ...sorted.reduce(worse), id, formerly: [...new Set(names)].filter((name) => name !== id) };
  });
}

/** In one order, whatever the order of what was said. */
function pairsOf(matches: readonly Said[]): [string, string][] {
  const byId = new Map(matches.map((one) => [one.id, one]));
  const pairs = matches.flatMap(({ id, statement }) =>
    statement.aliases
      .filter((name) => id < name && byId.get(name)?.statement.aliases.includes(id))
      .map((name): [string, string] => [id, name]),
  );
  return pairs.toSorted(([a, b], [c, d]) => byName(a, c) || byName(b, d));
}

function join<T extends Said>(holes: Map<string, Hole<T>>, one: Hole<T>, other: Hole<T>): void {
  const cves = new Set([...one.cves, ...other.cves]);
  if (one === other || cves.size > 1) return;
  const both = { members: [...one.members, ...other.members], cves };
  for (const { id } of both.members) holes.set(id, both);
}

const cvesOf = ({ id, statement }: Said): Set<string> => new Set([id, ...statement.aliases].filter(isCve));

const byName = (a: string, b: string): number => Number(isCve(b)) - Number(isCve(a)) || (a < b ? -1 : a > b ? 1 : 0);
