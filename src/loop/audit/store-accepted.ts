import { sql } from 'kysely';
import type { DbOrTx, Tx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import { putDue } from './store-due.ts';

/** An exception for an advisory; `hosts` null: on all hosts. */
export interface Accepted {
  exceptionId: string;
  advisory: string;
  hosts: readonly string[] | null;
  until: Date;
}

/** Takes an exception in, or changes what it is for. False: nothing is other than before. */
export async function accept(tx: Tx, { exceptionId, advisory, hosts, until }: Accepted): Promise<boolean> {
  const list = hosts === null ? null : hosts.toSorted();
  const { rows } = await sql`
    insert into audit.accepted as a (exception_id, advisory, hosts, until)
    values (${exceptionId}, ${advisory}, ${list}::text[], ${until})
    on conflict (exception_id) do update set hosts = excluded.hosts, until = excluded.until
    where (a.hosts, a.until) is distinct from (excluded.hosts, excluded.until) returning exception_id`.execute(tx.db);
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

/** What stands for any of these names. */
export async function acceptedFor(db: DbOrTx, names: readonly string[]): Promise<Accepted[]> {
  const { rows } = await sql<Accepted>`
    select exception_id as "exceptionId", advisory, hosts, until from audit.accepted
    where upper(advisory) = ${anyOf(names.map((name) => name.toUpperCase()))} order by until desc, exception_id`.execute(db);
  return rows;
}

export const acceptedHere = (accepted: readonly Accepted[], hostId: string): Accepted | undefined =>
  accepted.find(({ hosts }) => hosts === null || hosts.includes(hostId));
