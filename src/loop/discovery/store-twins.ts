import { sql } from 'kysely';
import type { Identifier } from '../../model/estate.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import { textOf } from './logic/strong.ts';

/** A managed host, or those of which one is about to be, and what it tells of itself. */
export interface Telling {
  hostIds: readonly string[];
  identifiers: readonly Identifier[];
  addresses: readonly string[];
}

/**
 * Records that may turn out to be such a host: each is who is at one of its addresses, shows one of its identifiers, and has
 * no agent of its own.
 */
export async function twinsOf(db: DbOrTx, { hostIds, identifiers, addresses }: Telling): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select distinct h.id from (
      select unnest(${[...addresses]}::text[]) as address
      union select a.address from discovery.address a where a.host_id = ${anyOf(hostIds)} and a.current) w
    -- As hostIdAt has it.
    cross join lateral (
      select h.id, h.management, h.agent_id from discovery.address a join discovery.host h on h.id = a.host_id
      where a.address = w.address and a.current and h.superseded_by is null
      order by a.site <> 'local', a.how desc, a.last_seen desc limit 1) h
    where not (h.id = ${anyOf(hostIds)}) and h.management <> 'managed' and h.agent_id is null
      and exists (select from discovery.identifier i where i.host_id = h.id
        and (i.kind || ' ' || i.value = any(${identifiers.map(textOf)}::text[])
          or exists (select from discovery.identifier o
            where o.host_id = ${anyOf(hostIds)} and o.kind = i.kind and o.value = i.value)))`.execute(db);
  return rows.map(({ id }) => id);
}
