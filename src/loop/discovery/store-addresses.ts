import { sql } from 'kysely';
import { LOCAL_SITE } from '../../model/site.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import { spaceOf } from './logic/place.ts';
import { q } from './tables.ts';

/** A claim does not take back what was measured. */
export async function noteAddress(
  db: DbOrTx,
  hostId: string,
  address: string,
  how: 'measured' | 'claimed',
  at: Date,
  site = LOCAL_SITE,
): Promise<void> {
  await q(db)
    .insertInto('discovery.address')
    .values({ host_id: hostId, address, site, how, current: true, first_seen: at, last_seen: at })
    .onConflict((c) =>
      c.columns(['host_id', 'address']).doUpdateSet({
        last_seen: at,
        how: sql`case when discovery.address.current and discovery.address.how = 'measured' then 'measured' else ${how} end`,
        current: true,
      }),
    )
    .execute();
}

/** A host, and an address of it. */
export interface Place {
  hostId: string;
  address: string;
}

/** These hosts are no longer there: what sources told of them at these addresses was told until now. */
export async function leavePlaces(db: DbOrTx, places: readonly Place[], at: Date): Promise<void> {
  if (places.length === 0) return;
  const left = sql`unnest(${places.map(({ hostId }) => hostId)}::text[], ${places.map(({ address }) => address)}::text[])
    t (host_id, address)`;
  await sql`update discovery.address a set current = false from ${left}
    where a.host_id = t.host_id and a.address = t.address and a.current`.execute(db);
  // An aggregate a place: joined, all that stands would be read from end to end for the few that leave.
  await sql`update discovery.sighting s set until = greatest(s.at, ${at})
    where s.id = any(array(select unnest(o.ids) from ${left} cross join lateral (
      select array_agg(id) as ids from discovery.sighting
      where host_id = t.host_id and address = t.address and until is null) o))`.execute(db);
}

/** This host is no longer at these addresses. */
export const leaveAddresses = (db: DbOrTx, hostId: string, addresses: readonly string[], at: Date): Promise<void> =>
  leavePlaces(
    db,
    addresses.map((address) => ({ hostId, address })),
    at,
  );

/** A machine told all its addresses: what it had told before and does not any more has ended. */
export async function endOtherClaims(db: DbOrTx, hostId: string, told: readonly string[]): Promise<void> {
  await q(db)
    .updateTable('discovery.address')
    .set({ current: false })
    .where('host_id', '=', hostId)
    .where('how', '=', 'claimed')
    .where('current', '=', true)
    .where(sql<boolean>`not (address = ${anyOf(told)})`)
    .execute();
}

/**
 * Ends claims that nobody has repeated since `before`. A host with a living agent keeps its own: an agent repeats its
 * addresses only when it enrols. Every host keeps one address: the last that is known of it.
 */
export async function endOldClaims(db: DbOrTx, before: Date): Promise<{ host_id: string; address: string }[]> {
  const { rows } = await sql<{ host_id: string; address: string }>`
    update discovery.address a set current = false
    from discovery.host h
    where h.id = a.host_id and h.management <> 'managed'
      and a.current and a.how = 'claimed' and a.last_seen < ${before}
      and exists (select from discovery.address o
        where o.host_id = a.host_id and o.address <> a.address and o.current
          and (o.how = 'measured' or (o.last_seen, o.address) > (a.last_seen, a.address)))
    returning a.host_id, a.address`.execute(db);
  return rows;
}

/** Where hosts are known to be now, of what this site sees; `among`: of these. */
export async function knownAddresses(db: DbOrTx, site = LOCAL_SITE, among?: readonly string[]): Promise<string[]> {
  const rows = await q(db)
    .selectFrom('discovery.address as a')
    .innerJoin('discovery.host as h', 'h.id', 'a.host_id')
    .select(['a.address', 'a.site'])
    .distinct()
    .where('a.current', '=', true)
    .where('h.superseded_by', 'is', null)
    .$if(among !== undefined, (some) => some.where('a.address', '=', anyOf(among!)))
    .execute();
  return rows.filter((row) => row.site === spaceOf(site, row.address)).map((row) => row.address);
}
