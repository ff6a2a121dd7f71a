import { sql } from 'kysely';
import type { DbOrTx, Tx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import { isErratum } from './logic/advisories/errata.ts';
import { statementsNaming } from './store-feeds.ts';
import { putDue } from './store-due.ts';
import { mayCount, noteRecount } from './store-recount.ts';

/** An exception for an advisory; `hosts` null: on all hosts. */
export interface Accepted {
  exceptionId: string;
  advisory: string;
  hosts: readonly string[] | null;
  until: Date;
  reason: string | null;
  /** what stands in the way of an attack meanwhile */
  control: string | null;
  at: Date | null;
}

/** Takes an exception in, or changes what it is for. False: nothing is other than before. */
export async function accept(tx: Tx, accepted: Accepted): Promise<boolean> {
  const { exceptionId, advisory, hosts, until, reason, control, at } = accepted;
  const list = hosts === null ? null : hosts.toSorted();
  const { rows } = await sql`
    insert into audit.accepted as a (exception_id, advisory, hosts, until, reason, control, accepted_at)
    values (${exceptionId}, ${advisory}, ${list}::text[], ${until}, ${reason}, ${control}, ${at})
    on conflict (exception_id) do update set hosts = excluded.hosts, until = excluded.until, reason = excluded.reason,
      control = excluded.control, accepted_at = excluded.accepted_at
    where (a.hosts, a.until, a.reason, a.control, a.accepted_at) is distinct from
      (excluded.hosts, excluded.until, excluded.reason, excluded.control, excluded.accepted_at) returning exception_id`.execute(
    tx.db,
  );
  if (rows.length > 0) await dueAnew(tx, advisory);
  return rows.length > 0;
}

export async function acceptNoMore(tx: Tx, exceptionId: string): Promise<void> {
  const { rows } = await sql<{ advisory: string }>`
    delete from audit.accepted where exception_id = ${exceptionId} returning advisory`.execute(tx.db);
  for (const { advisory } of rows) await dueAnew(tx, advisory);
}

async function dueAnew(tx: Tx, advisory: string): Promise<void> {
  const { rows } = await sql<{ advisory: string }>`
    select v.advisory from audit.vulnerability v where upper(${advisory}) = any(v.answers_to)`.execute(tx.db);
  const advisories = rows.map((row) => row.advisory);
  // Two who write rows of several vulnerabilities at once, in whatever order, could wait for each other for ever.
  if (advisories.length > 0 && (await mayCount(tx.db))) await putDue(tx.db, advisories);
  // In any case by the job: a count that runs meanwhile does not see this yet, and may write after it.
  if (advisories.length > 0) await noteRecount(tx, { advisories });
  await tx.publish('findings', {});
}

const COLUMNS = sql.raw(
  'a.exception_id as "exceptionId", a.advisory, a.hosts, a.until, a.reason, a.control, a.accepted_at as "at"',
);

export async function allAccepted(db: DbOrTx): Promise<Accepted[]> {
  const { rows } = await sql<Accepted>`
    select ${COLUMNS} from audit.accepted a order by a.until desc, a.exception_id`.execute(db);
  return rows;
}

/** What stands for this very name. */
export async function acceptedAs(db: DbOrTx, name: string): Promise<Accepted[]> {
  const { rows } = await sql<Accepted>`
    select ${COLUMNS} from audit.accepted a
    where upper(a.advisory) = upper(${name}) order by a.until desc, a.exception_id`.execute(db);
  return rows;
}

/** What stands for each of these vulnerabilities, by whatever name it is called there. */
export async function acceptedFor(db: DbOrTx, advisories: readonly string[]): Promise<Map<string, Accepted[]>> {
  const { rows } = await sql<Accepted & { of: string }>`
    select v.advisory as of, ${COLUMNS}
    from audit.vulnerability v join audit.accepted a on upper(a.advisory) = any(v.answers_to)
    where v.advisory = ${anyOf(advisories)} order by a.until desc, a.exception_id`.execute(db);
  return Map.groupBy(rows, ({ of }) => of);
}

export const acceptedHere = (accepted: readonly Accepted[] | undefined, hostId: string): Accepted | undefined =>
  accepted?.find(({ hosts }) => hosts === null || hosts.includes(hostId));

/** Vulnerabilities whose risk is accepted on all hosts, each with the exception that lasts longest. */
export async function acceptedEverywhere(db: DbOrTx): Promise<Map<string, Accepted>> {
  const { rows } = await sql<Accepted & { of: string }>`
    select v.advisory as of, ${COLUMNS} from audit.accepted a
    join audit.vulnerability v on upper(a.advisory) = any(v.answers_to)
    where a.hosts is null order by a.until, a.exception_id desc`.execute(db);
  return new Map(rows.map(({ of, ...one }) => [of, one]));
}

export async function knowsAdvisory(db: DbOrTx, advisory: string): Promise<boolean> {
  if ((await statementsNaming(db, advisory.toUpperCase())).length > 0) return true;
  const { rows } = await sql`select from audit.match where upper(advisory) = upper(${advisory}) limit 1`.execute(db);
  return rows.length > 0;
}

/**
 * The CVEs under which alone an erratum is listed, or would be where anybody comes to have what it mends; empty: it is listed
 * by its own name, or may be.
 */
export async function listedUnder(db: DbOrTx, advisory: string): Promise<string[]> {
  const { rows } = await sql`
    select from audit.vulnerability v where upper(${advisory}) = any(v.answers_to) limit 1`.execute(db);
  if (rows.length > 0 || !isErratum(advisory)) return [];
  const folded = await foldedUnder(db, advisory);
  return folded.length > 0 ? folded : toldBeside(db, advisory);
}

async function foldedUnder(db: DbOrTx, advisory: string): Promise<string[]> {
  const { rows } = await sql<{ advisory: string }>`
    with said as materialized (select s.advisory, jsonb_array_elements_text(s.body -> 'aliases') as named
      from audit.statement s where s.ids @> array[upper(${advisory})] and upper(s.advisory) = upper(${advisory}))
    select distinct burning.advisory from said
    join audit.match folded on folded.advisory = said.advisory and folded.verdict = 'bundled' and folded.until is null
    join audit.match burning on burning.package_id = folded.package_id and burning.advisory = said.named
      and burning.verdict = 'affected' and burning.until is null
    order by burning.advisory`.execute(db);
  return rows.map((row) => row.advisory);
}

/**
 * Nobody burns by it now. Where feeds judge all that it names by itself, of every package that it mends, it is told of under
 * those that affect any version, once anybody does.
 */
async function toldBeside(db: DbOrTx, advisory: string): Promise<string[]> {
  const { rows } = await sql<{ cve: string; isJudged: boolean; burns: boolean }>`
    with said as materialized (
      select s.ecosystem, s.called, s.body ->> 'release' as release, s.body -> 'aliases' as names
      from audit.statement s where s.ids @> array[upper(${advisory})] and upper(s.advisory) = upper(${advisory})),
    judged as (
      select n.cve, coalesce(bool_or(o.body ->> 'status' <> 'unassessed'), false) as is_judged,
        coalesce(bool_or(o.body ->> 'status' not in ('unassessed', 'not-affected')), false) as burns
      from said s cross join lateral jsonb_array_elements_text(s.names) n (cve)
      left join audit.statement o on o.advisory = n.cve and o.ecosystem = s.ecosystem and o.called = s.called
        and coalesce(o.body ->> 'release' = s.release, true)
      where n.cve like 'CVE-%' group by n.cve, s.ecosystem, s.called, s.release)
    select cve, bool_and(is_judged) as "isJudged", bool_or(burns) as burns from judged group by cve order by cve`.execute(
    db,
  );
  return rows.every(({ isJudged }) => isJudged) ? rows.flatMap(({ cve, burns }) => (burns ? [cve] : [])) : [];
}

/** By exception: on how many hosts it holds now. What was fixed under one follows from no row, so it is not counted. */
export async function coveredByAccepted(db: DbOrTx): Promise<Map<string, { now: number; gone: number }>> {
  const { rows } = await sql<{ id: string; now: string }>`
    select a.exception_id as id, (select count(distinct h.host_id) from audit.vulnerability v
      join audit.match m on m.advisory = v.advisory and m.until is null and m.verdict = 'affected'
      join audit.package_list l on l.packages @> array[m.package_id]
      join audit.host_list h on h.list_id = l.id and h.until is null
      where (upper(v.advisory) = upper(a.advisory) or v.aliases && array[a.advisory, upper(a.advisory)])
        and (a.hosts is null or h.host_id = any(a.hosts))) as now
    from audit.accepted a`.execute(db);
  return new Map(rows.map(({ id, now }) => [id, { now: Number(now), gone: 0 }]));
}
