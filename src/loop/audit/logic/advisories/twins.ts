import { isCve } from './errata.ts';

interface Said {
  id: string;
  statement: { aliases: readonly string[] };
}

/**
 * Databases have names of their own for one vulnerability: GHSA-… and PYSEC-… of one CVE are one alarm. They are the same
 * where each names the other, and no more than one CVE between them: an erratum that mends several is none of them. What
 * is kept has the CVE's name, or else the first by the alphabet, and says the worse of what they say.
 */
export function withoutTwins<T extends Said>(matches: readonly T[], worse: (a: T, b: T) => T): T[] {
  const byId = new Map(matches.map((one) => [one.id, one]));
  const kept = new Map<string, T>();
  for (const one of matches) {
    const twins = one.statement.aliases.flatMap((id) => byId.get(id) ?? []).filter((other) => isSame(one, other));
    const id = [one, ...twins].map((each) => each.id).toSorted(byName)[0]!;
    const own = { ...one, id };
    const there = kept.get(id);
    kept.set(id, there === undefined ? own : worse(there, own));
  }
  return [...kept.values()];
}

function isSame(one: Said, other: Said): boolean {
  if (one.id === other.id || !other.statement.aliases.includes(one.id)) return false;
  const names = [one, other].flatMap(({ id, statement }) => [id, ...statement.aliases]);
  return new Set(names.filter(isCve)).size <= 1;
}

const byName = (a: string, b: string): number => Number(isCve(b)) - Number(isCve(a)) || (a < b ? -1 : 1);
