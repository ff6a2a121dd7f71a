import { sql } from 'kysely';
import type { Identifier, Sighting } from '../../model/estate.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import { placeIn } from './logic/place.ts';
import { type KnownHost, STRONG, strong } from './logic/reconcile.ts';
import { q } from './tables.ts';

/**
 * Every host that a decision about these sightings can touch, with what such a decision looks at: no more than that.
 * Addresses of theirs at other sites are places there (`10.0.0.5@berlin`), which equal no address here.
 * A TLS key merges nothing, and half the estate may have the same one.
 */
export async function hostsAround(db: DbOrTx, sightings: readonly Sighting[]): Promise<KnownHost[]> {
  if (sightings.length === 0) return [];
  const identifiers = sightings.flatMap((s) => strong(s.identifiers));
  const rows = await q(db)
    .selectFrom('discovery.host')
    .select(['id', 'name', 'management'])
    // A record that was merged into another is that one now; what replaced it, it may come back from.
    .where(sql<boolean>`not exists (select from discovery.merge m
      where m.from_id = discovery.host.id and m.undone_at is null and discovery.host.superseded_by is not null)`)
    .where('id', '=', anyOf(await idsAround(db, [...new Set(sightings.map((s) => s.address))], identifiers)))
    .orderBy('id')
    .execute();
  const ids = rows.map((row) => row.id);
  const [addresses, known] = [await addressesOf(db, ids), await identifiersOf(db, ids)];
  return rows.map((row) => ({
    ...row,
    addresses: (addresses.get(row.id) ?? []).map(({ address, how, site }) => ({
      address: placeIn(site, address),
      how,
    })),
    identifiers: (known.get(row.id) ?? []).map(({ kind, value, listed }) => ({
      kind,
      value,
      ...(listed ? { listed } : {}),
    })),
  }));
}

async function idsAround(db: DbOrTx, addresses: string[], identifiers: Identifier[]): Promise<string[]> {
  const { rows } = await sql<{ host_id: string }>`
    select host_id from discovery.address where current and address = ${anyOf(addresses)}
    union
    select i.host_id from discovery.identifier i
    join unnest(${identifiers.map((i) => i.kind)}::text[], ${identifiers.map((i) => i.value)}::text[]) w (kind, value)
      on w.kind = i.kind and w.value = i.value`.execute(db);
  return rows.map((row) => row.host_id);
}

async function addressesOf(db: DbOrTx, ids: string[]) {
  const rows = await q(db)
    .selectFrom('discovery.address')
    .select(['host_id', 'address', 'how', 'site'])
    .where('host_id', '=', anyOf(ids))
    .where('current', '=', true)
    .orderBy('how', 'desc')
    .orderBy(sql`address::inet`)
    .execute();
  return Map.groupBy(rows, (row) => row.host_id);
}

async function identifiersOf(db: DbOrTx, ids: string[]) {
  const rows = await q(db)
    .selectFrom('discovery.identifier')
    .select(['host_id', 'kind', 'value', 'listed'])
    .where('host_id', '=', anyOf(ids))
    .where('kind', 'in', [...STRONG])
    .orderBy('kind')
    .orderBy('value')
    .execute();
  return Map.groupBy(rows, (row) => row.host_id);
}

/** What was seen of a host, or it told itself: not what only lists say. */
export async function firmIdentifiers(db: DbOrTx, hostId: string): Promise<Identifier[]> {
  const rows = (await identifiersOf(db, [hostId])).get(hostId) ?? [];
  return rows.filter(({ listed }) => !listed).map(({ kind, value }) => ({ kind, value }));
}
