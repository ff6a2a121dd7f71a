import { sql } from 'kysely';
import type { DbOrTx } from '../../platform/context.ts';
import { chunks } from '../../platform/db/many.ts';
import { prepared } from '../../platform/db/prepared.ts';
import type { Match } from './logic/advisories/match.ts';

/** The verdicts that are kept: what is fine needs no row. */
export type KeptVerdict = Exclude<Match['verdict'], 'fixed' | 'not-affected'>;

export interface MatchRow {
  packageId: number;
  advisory: string;
  about: string;
  verdict: KeptVerdict;
  fix: string | null;
  why: string;
  feed: string;
  /** other names of the same vulnerability; none is stored */
  formerly?: readonly string[];
  /** advisories under whose names it may have been told of; none is stored */
  toldBy?: readonly string[];
}
export type Stored = MatchRow & { id: string; since: Date };

/** That a package is fine is what silence says. */
export function toRows(packageId: number, matches: readonly Match[]): MatchRow[] {
  return matches.flatMap(({ id: advisory, verdict, fix, why, statement, formerly = [], toldBy = [] }) =>
    verdict !== 'fixed' && verdict !== 'not-affected'
      ? [{ packageId, advisory, about: statement.name, verdict, fix, why, feed: statement.feed, formerly, toldBy }]
      : [],
  );
}

export async function matchesOf(db: DbOrTx, packageIds: readonly number[]): Promise<Stored[]> {
  const { rows } = await sql<Stored>`
    select id, package_id as "packageId", advisory, about, verdict, fix, why, feed, since
    from audit.match where until is null and package_id = any(${[...packageIds]}::integer[])`.execute(db);
  return rows;
}

/** They hold no longer. Those that began at this very moment never did. */
export async function endMatches(db: DbOrTx, ids: readonly string[], at: Date): Promise<void> {
  if (ids.length === 0) return;
  const those = sql`id = any(${[...ids]}::bigint[])`;
  await sql`delete from audit.match where ${those} and since >= ${at}`.execute(db);
  await sql`update audit.match set until = ${at} where ${those}`.execute(db);
}

/** The verdict is the same, and said otherwise, or under another name. */
export async function rewordMatches(db: DbOrTx, rows: readonly (MatchRow & { id: string })[]): Promise<void> {
  for (const some of chunks(rows)) {
    await sql`update audit.match m set advisory = n.advisory, about = n.about, fix = n.fix, why = n.why, feed = n.feed
      from unnest(${some.map(({ id }) => id)}::bigint[], ${some.map(({ advisory }) => advisory)}::text[],
        ${some.map(({ about }) => about)}::text[],
        ${some.map(({ fix }) => fix)}::text[], ${some.map(({ why }) => why)}::text[],
        ${some.map(({ feed }) => feed)}::text[]) as n (id, advisory, about, fix, why, feed)
      where m.id = n.id`.execute(db);
  }
}

/** `since`: what was told of under another name before began then. */
export async function insertMatches(
  db: DbOrTx,
  rows: readonly (MatchRow & { since?: Date | undefined })[],
  at: Date,
): Promise<void> {
  for (const some of chunks(rows, 5000)) {
    const of = <K extends keyof MatchRow>(key: K): MatchRow[K][] => some.map((row) => row[key]);
    await sql`insert into audit.match (package_id, advisory, about, verdict, fix, why, feed, since)
      select n.* from unnest(${of('packageId')}::integer[], ${of('advisory')}::text[],
        ${of('about')}::text[], ${of('verdict')}::text[], ${of('fix')}::text[], ${of('why')}::text[],
        ${of('feed')}::text[], ${some.map(({ since }) => since ?? at)}::timestamptz[]) as n`.execute(db);
  }
}

/** The packages of each of these lists, in ascending order. As text: arrays are read element by element otherwise. */
export async function packagesIn(db: DbOrTx, listIds: readonly number[]): Promise<Map<number, Int32Array>> {
  if (listIds.length === 0) return new Map();
  const { rows } = await sql<{ id: number; packages: string }>`${prepared}
    select id, array_to_string(packages, ',') as packages from audit.package_list
    where id = any(${[...listIds]}::integer[])`.execute(db);
  return new Map(
    rows.map(({ id, packages }) => [
      id,
      packages === '' ? new Int32Array() : Int32Array.from(packages.split(','), Number),
    ]),
  );
}

/**
 * Advisories that affect a host with the one list and not with the other. Only what the lists differ by is looked at, and
 * what is unknown closes nothing. The lists go along as they are, so that PostgreSQL looks up in them by hash. Each
 * advisory is asked for by itself, and whether it still holds only then: the planner, before it has counted the table, takes
 * the index of what holds for tiny, and would read all of it for each.
 */
export async function changedBetween(
  db: DbOrTx,
  before: number | null,
  now: number | null,
): Promise<{ advisory: string; opened: boolean; closed: boolean }[]> {
  const lists = await packagesIn(
    db,
    [before, now].filter((one) => one !== null),
  );
  const packagesOf = (list: number | null): number[] => [...(lists.get(list ?? -1) ?? [])];
  const [was, is] = [packagesOf(before), packagesOf(now)];
  const [inWas, inIs] = [new Set(was), new Set(is)];
  const different = [...was.filter((one) => !inIs.has(one)), ...is.filter((one) => !inWas.has(one))];
  if (different.length === 0) return [];
  const { rows } = await sql<{ advisory: string; opened: boolean; closed: boolean }>`
    with asked as materialized (
      select distinct advisory from audit.match where package_id = any(${different}::integer[]) and until is null
        and verdict <> 'bundled'),
    said as (
      select m.advisory, m.affected, m.package_id = any(${was}::integer[]) as was,
        m.package_id = any(${is}::integer[]) as is_now
      from asked a cross join lateral (
        select advisory, package_id, until, verdict, verdict = 'affected' as affected from audit.match
        where advisory = a.advisory offset 0) m
      where m.until is null and m.verdict <> 'bundled')
    select * from (select advisory,
        coalesce(bool_or(is_now and affected) and not bool_or(was and affected), false) as opened,
        coalesce(bool_or(was and affected) and not bool_or(is_now), false) as closed
      from said where was or is_now group by advisory) n where opened or closed`.execute(db);
  return rows;
}

/** How many hosts have any of these packages now. */
export async function hostsHaving(db: DbOrTx, packageIds: readonly number[]): Promise<number> {
  if (packageIds.length === 0) return 0;
  const { rows } = await sql<{ hosts: string }>`
    select count(*) as hosts from audit.holders(${[...packageIds]}::integer[])`.execute(db);
  return Number(rows[0]!.hosts);
}
