import { sql } from 'kysely';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import { q } from './tables.ts';

/** For each of these hosts, the hosts whose agents saw it. */
export async function viaOf(db: DbOrTx, hostIds: readonly string[]): Promise<Map<string, string[]>> {
  const { rows } = await sql<{ host_id: string; via: string[] }>`
    select host_id, array_agg(distinct via order by via) as via from discovery.sighting
    where host_id = ${anyOf(hostIds)} and via is not null group by host_id`.execute(db);
  return new Map(rows.map((row) => [row.host_id, row.via]));
}

/** Hosts that were set aside until `now` or before. */
export async function endedIgnores(db: DbOrTx, now: Date): Promise<{ id: string; name: string }[]> {
  return q(db)
    .selectFrom('discovery.host')
    .select(['id', 'name'])
    .where('claim', '=', 'ignored')
    .where('superseded_by', 'is', null)
    .where('ignored_until', '<=', now)
    .execute();
}
