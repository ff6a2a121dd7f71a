import type { Tx } from '../../platform/context.ts';
import { chunks } from '../../platform/db/many.ts';
import type { FeedStatement } from './logic/advisories/match.ts';
import { called } from './logic/advisories/match.ts';
import { matchInterned, namesOf } from './logic/interned.ts';
import { statementsCalled } from './store-feeds.ts';
import type { StoredPackage } from './store-interned.ts';
import {
  endMatches,
  insertMatches,
  type MatchRow,
  matchesOf,
  rewordMatches,
  type Stored,
  toRows,
} from './store-matches.ts';
import { versionOrder } from './versions/registry.ts';

/** A package that came to be affected by an advisory, or ceased to be. */
export interface Changed {
  packageId: number;
  advisory: string;
}

export interface Rematched {
  opened: Changed[];
  closed: Changed[];
  /** advisories of which anything changed, the words too */
  touched: Set<string>;
}

/** As many packages, with all that is said of their names, are in memory at a time. */
const AT_ONCE = 300;

/** Writes down what feeds come to about these packages, and tells what is another verdict than before. */
export async function matchPackages(tx: Tx, packages: readonly StoredPackage[]): Promise<Rematched> {
  const changes: Rematched = { opened: [], closed: [], touched: new Set() };
  const byName = packages.toSorted((a, b) => (a.source < b.source ? -1 : a.source > b.source ? 1 : a.id - b.id));
  for (const some of chunks(byName, AT_ONCE)) await matchSome(tx, some, changes);
  return changes;
}

async function matchSome(tx: Tx, packages: readonly StoredPackage[], changes: Rematched): Promise<void> {
  const wanted = packages.map((one) => ({ ecosystem: one.ecosystem, ...namesOf(one) }));
  const names = new Map(
    wanted.flatMap(({ ecosystem, asSource, asBinary }) =>
      [asSource, asBinary].map((name) => [keyOf(ecosystem, name), { ecosystem, called: name }]),
    ),
  );
  const statements = Map.groupBy(await statementsCalled(tx.db, [...names.values()]), (one) =>
    keyOf(one.ecosystem, called(one.ecosystem, one.name)),
  );
  const before = Map.groupBy(
    await matchesOf(
      tx.db,
      packages.map(({ id }) => id),
    ),
    (row) => row.packageId,
  );
  const step: Step = { ended: [], reworded: [], added: [] };
  packages.forEach((one, index) => {
    const { ecosystem, asSource, asBinary } = wanted[index]!;
    const own = [...new Set([asSource, asBinary])].flatMap((name) => statements.get(keyOf(ecosystem, name)) ?? []);
    compare(before.get(one.id) ?? [], rowsOf(own, one), { step, changes });
  });
  await endMatches(tx.db, step.ended, tx.now);
  await rewordMatches(tx.db, step.reworded);
  await insertMatches(tx.db, step.added, tx.now);
}

const keyOf = (ecosystem: string, name: string): string => `${ecosystem} ${name}`;

const rowsOf = (statements: readonly FeedStatement[], one: StoredPackage): MatchRow[] =>
  toRows(one.id, matchInterned(statements, one, versionOrder));

interface Step {
  ended: string[];
  reworded: (MatchRow & { id: string })[];
  added: (MatchRow & { since?: Date | undefined })[];
}

const SAID = ['advisory', 'about', 'fix', 'why', 'feed'] as const;

/** One hole under the name of another record, since that one came or went: its time runs on. */
function renamed<T extends MatchRow>(
  { formerly = [], verdict }: MatchRow,
  rest: ReadonlyMap<string, T>,
  stays: ReadonlySet<string>,
): T | undefined {
  return formerly
    .flatMap((name) => (stays.has(name) ? [] : (rest.get(name) ?? [])))
    .find((row) => row.verdict === verdict);
}

/** From when it burnt under another name: as the advisory that told of it alone, or told of under others until now. */
function burntSince(
  { toldBy = [] }: MatchRow,
  known: ReadonlyMap<string, Stored>,
  was: Stored | undefined,
): Date | undefined {
  const alone = toldBy.flatMap((name) => known.get(name) ?? []).filter(({ verdict }) => verdict === 'affected');
  const told = was?.verdict === 'bundled' ? [...alone, was] : alone;
  return told.map(({ since }) => since).toSorted((one, other) => one.getTime() - other.getTime())[0];
}

function compare(
  before: readonly Stored[],
  now: readonly MatchRow[],
  { step, changes }: { step: Step; changes: Rematched },
): void {
  const known = new Map(before.map((row) => [row.advisory, row]));
  const rest = new Map(known);
  const stays = new Set(now.map(({ advisory }) => advisory));
  for (const row of now) {
    const { packageId, advisory, verdict } = row;
    const was = rest.get(advisory) ?? renamed(row, rest, stays);
    if (was) rest.delete(was.advisory);
    if (was?.verdict === verdict) {
      if (SAID.every((field) => was[field] === row[field])) continue;
      step.reworded.push({ ...row, id: was.id });
      changes.touched.add(was.advisory);
    } else {
      if (was) step.ended.push(was.id);
      step.added.push(verdict === 'affected' ? { ...row, since: burntSince(row, known, was) } : row);
      if (verdict === 'affected') changes.opened.push({ packageId, advisory });
    }
    changes.touched.add(advisory);
  }
  for (const { id, packageId, advisory, verdict } of rest.values()) {
    step.ended.push(id);
    if (verdict === 'affected') changes.closed.push({ packageId, advisory });
    changes.touched.add(advisory);
  }
}
