import { sql } from 'kysely';
import type { Vulnerability } from '../../model/vulnerability.ts';
import type { DbOrTx, Tx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import { statementsNaming } from './store-feeds.ts';
import { putDue } from './store-due.ts';

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
    select v.advisory from audit.vulnerability v
    where upper(v.advisory) = upper(${advisory}) or v.aliases @> array[${advisory}]`.execute(tx.db);
  await putDue(
    tx.db,
    rows.map((row) => row.advisory),
  );
  await tx.publish('findings', {});
}

const ACCEPTED = sql.raw('exception_id as "exceptionId", advisory, hosts, until, reason, control, accepted_at as "at"');

export async function allAccepted(db: DbOrTx): Promise<Accepted[]> {
  const { rows } = await sql<Accepted>`
    select ${ACCEPTED} from audit.accepted order by until desc, exception_id`.execute(db);
  return rows;
}

/** What stands for any of these names. */
export async function acceptedFor(db: DbOrTx, names: readonly string[]): Promise<Accepted[]> {
  const { rows } = await sql<Accepted>`
    select ${ACCEPTED} from audit.accepted
    where upper(advisory) = ${anyOf(names.map((name) => name.toUpperCase()))} order by until desc, exception_id`.execute(
    db,
  );
  return rows;
}

export const acceptedHere = (accepted: readonly Accepted[], hostId: string): Accepted | undefined =>
  accepted.find(({ hosts }) => hosts === null || hosts.includes(hostId));

/** Those that are about this one, by any of its names. */
export function acceptedAs(
  all: readonly Accepted[],
  { advisory, aliases }: Pick<Vulnerability, 'advisory' | 'aliases'>,
): Accepted[] {
  const names = new Set([advisory, ...aliases].map((name) => name.toUpperCase()));
  return all.filter((one) => names.has(one.advisory.toUpperCase()));
}

export async function knowsAdvisory(db: DbOrTx, advisory: string): Promise<boolean> {
  if ((await statementsNaming(db, advisory.toUpperCase())).length > 0) return true;
  const { rows } = await sql`select from audit.match where upper(advisory) = upper(${advisory}) limit 1`.execute(db);
  return rows.length > 0;
}

/** By exception: on how many hosts it holds now. What was fixed under one follows from no row, so it is not counted. */
export async function coveredByAccepted(db: DbOrTx): Promise<Map<string, { now: number; gone: number }>> {
  const { rows } = await sql<{ id: string; now: string }>`
    select a.exception_id as id, (select count(distinct h.host_id) from audit.vulnerability v
      join audit.match m on m.advisory = v.advisory and m.until is null and m.verdict = 'affected'
      join audit.package_list l on l.packages @> array[m.package_id]
      join audit.host_list h on h.list_id = l.id and h.until is null
      where (upper(v.advisory) = upper(a.advisory) or v.aliases @> array[a.advisory])
        and (a.hosts is null or h.host_id = any(a.hosts))) as now
    from audit.accepted a`.execute(db);
  return new Map(rows.map(({ id, now }) => [id, { now: Number(now), gone: 0 }]));
}
