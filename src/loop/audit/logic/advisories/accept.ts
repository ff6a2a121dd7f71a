import type { FeedCounts } from '../../../../model/feed.ts';
import type { Statement } from '../../../../model/statement.ts';

/** A feed that lost more than a fifth since the last time is taken for damaged. */
const LEAST_LEFT = 0.8;
const DAY_MS = 24 * 3_600_000;

export interface InForce {
  counts: FeedCounts;
  /** when it was made */
  time: Date | null;
}

/** Why what came must not take the place of what is in force; null: it may. `shrunk`: a person has looked into why it is less or older. */
export function refusal(
  now: { counts: FeedCounts; time: Date | null },
  before: InForce | null,
  { shrunk = false, clock }: { shrunk?: boolean; clock: Date },
): string | null {
  if (now.counts.statements + now.counts.signals === 0) return 'it says nothing at all';
  // Taken at its word, it would make every later one older than what is in force.
  if (now.time !== null && !(now.time.getTime() <= clock.getTime() + DAY_MS))
    return 'it says that it is from the future, or from no time at all';
  if (before === null || shrunk) return null;
  if (now.time !== null && before.time !== null && now.time < before.time)
    return `it is older (${now.time.toISOString()}) than what is in force (${before.time.toISOString()}); where that is meant to be, hand it over with --shrunk`;
  for (const what of ['statements', 'signals'] as const) {
    const [left, was] = [now.counts[what], before.counts[what]];
    if (left < was * LEAST_LEFT)
      return `it shrank from ${was} ${what} to ${left}, by more than 20 %; where that is meant to be, hand it over with --shrunk`;
  }
  return null;
}

export const keyOf = ({ ecosystem, release, of, name, id }: Statement): string =>
  JSON.stringify([ecosystem, release, of, name, id]);

/** A feed may speak of a package twice, or thousands of times: it is affected by whichever range holds. */
export function merged(statements: readonly Statement[]): Map<string, Statement> {
  const found = new Map<string, Statement>();
  for (const [key, same] of Map.groupBy(statements, keyOf)) found.set(key, same.length === 1 ? same[0]! : joined(same));
  return found;
}

/** With the ranges of all; what says nothing of ranges is not joined. */
function joined(same: readonly Statement[]): Statement {
  const ranged = same.filter(({ ranges, versions }) => ranges.length + versions.length > 0);
  const [first, last] = [ranged[0], ranged.at(-1)];
  if (!first || !last) return same.at(-1)!;
  const ranges = ranged.flatMap((one) => one.ranges);
  return {
    ...first,
    ranges: [...new Map(ranges.map((range) => [JSON.stringify(range), range])).values()],
    versions: [...new Set(ranged.flatMap((one) => one.versions))],
    status: ranged.some(({ status }) => status === 'fixed') ? 'fixed' : last.status,
    fixed: ranged.find(({ fixed }) => fixed !== null)?.fixed ?? null,
  };
}
