import { sql } from 'kysely';
import type { Tx } from '../../platform/context.ts';
import { REACHED_FROM, type Reached } from './logic/reached.ts';
import { advisoriesOn } from './store-interned.ts';
import { noteRecount } from './store-recount.ts';

/**
 * Which of the host's listeners were reached from outside is a factor of priorities. Written, and counted again, where it
 * is other than before, and once a day for the time of the last look.
 */
export async function followReached(tx: Tx, hostId: string, { places, at }: Reached): Promise<void> {
  const { rows } = await sql<{ before: string[] }>`
    with before as materialized (select host_id, reached from audit.host_system where host_id = ${hostId}
      and (reached is distinct from ${places}::text[] or reached_at::date is distinct from ${at}::timestamptz::date)),
    put as (update audit.host_system s set reached = ${places}::text[], reached_at = ${at}::timestamptz
      from before where s.host_id = before.host_id)
    select reached as before from before`.execute(tx.db);
  const [row] = rows;
  if (!row) return;
  const names = new Set([...row.before, ...places].map((place) => place.split(REACHED_FROM)[0]!));
  const advisories = await advisoriesOn(tx.db, hostId, [...names]);
  if (advisories.length > 0) await noteRecount(tx, { advisories });
}
