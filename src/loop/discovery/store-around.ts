import { sql } from 'kysely';
import type { Identifier, Sighting } from '../../model/estate.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import { placeIn } from './logic/place.ts';
import type { KnownHost } from './logic/reconcile.ts';
import { STRONG, strong } from './logic/strong.ts';
import { q } from './tables.ts';

/** What a decision looks at, and what may have to be written after it. */
export interface HostAround extends KnownHost {
  nameRank: number;
  isSuperseded: boolean;
  /** addresses and identifiers that were written down as seen so lately that they need not be again */
  fresh: ReadonlySet<string>;
}

/** Of a measured address or an identifier nobody reads when it was seen last to the day: its host says so to the second. */
export const COARSE_DAYS = 7;
/** An address that is measured or claimed now, or an identifier that was seen or only listed, as `fresh` has it. */
export const freshAddress = (place: string, how: 'measured' | 'claimed'): string => `${how} ${place}`;
export const freshIdentifier = ({ kind, value }: Identifier, listed: boolean): string =>
  `${listed ? 'listed' : 'seen'} ${kind} ${value}`;

interface AroundRow {
  id: string;
  name: string;
  management: KnownHost['management'];
  name_rank: number;
  superseded: boolean;
  addresses: [address: string, site: string, how: 'measured' | 'claimed', isFresh: boolean][] | null;
  identifiers: [kind: Identifier['kind'], value: string, listed: boolean, isFresh: boolean][] | null;
}

/**
 * Every host that a decision about these sightings can touch, with what such a decision looks at: no more than that.
 * Addresses of theirs at other sites are places there (`10.0.0.5@berlin`), which equal no address here.
 * A TLS key merges nothing, and half the estate may have the same one.
 */
export async function hostsAround(db: DbOrTx, sightings: readonly Sighting[]): Promise<HostAround[]> {
  if (sightings.length === 0) return [];
  const identifiers = sightings.flatMap((s) => strong(s.identifiers));
  const addresses = [...new Set(sightings.map((s) => s.address))];
  const latest = sightings.reduce((last, { at }) => (at > last ? at : last), '');
  const { rows } = await sql<AroundRow>`
    with around as materialized (
      select a.host_id from unnest(${addresses}::text[]) w (address)
      join discovery.address a on a.address = w.address and a.current
      union
      select i.host_id
      from unnest(${identifiers.map((i) => i.kind)}::text[], ${identifiers.map((i) => i.value)}::text[]) w (kind, value)
      join discovery.identifier i on w.kind = i.kind and w.value = i.value)
    select h.id, h.name, h.management, h.name_rank, h.superseded_by is not null as superseded,
      (select json_agg(json_build_array(a.address, a.site, a.how,
          a.last_seen > ${latest}::timestamptz - case a.how when 'measured' then ${COARSE_DAYS} * interval '1 day'
            else interval '1 hour' end) order by a.how desc, a.address::inet)
        from discovery.address a where a.host_id = h.id and a.current) as addresses,
      (select json_agg(json_build_array(i.kind, i.value, i.listed,
          i.last_seen > ${latest}::timestamptz - ${COARSE_DAYS} * interval '1 day') order by i.kind, i.value)
        from discovery.identifier i where i.host_id = h.id and i.kind = ${anyOf(STRONG)}) as identifiers
    from discovery.host h
    -- A record that was merged into another is that one now; what replaced it, it may come back from.
    where h.id = any(array(select host_id from around)) and (h.superseded_by is null
      or not exists (select from discovery.merge m where m.from_id = h.id and m.undone_at is null))
    order by h.id`.execute(db);
  return rows.map(toAround);
}

function toAround(row: AroundRow): HostAround {
  const fresh = new Set<string>();
  for (const [address, site, how, isFresh] of row.addresses ?? [])
    if (isFresh) fresh.add(freshAddress(placeIn(site, address), how));
  for (const [kind, value, listed, isFresh] of row.identifiers ?? [])
    if (isFresh) fresh.add(freshIdentifier({ kind, value }, listed));
  return {
    id: row.id,
    name: row.name,
    management: row.management,
    nameRank: row.name_rank,
    isSuperseded: row.superseded,
    fresh,
    addresses: (row.addresses ?? []).map(([address, site, how]) => ({ address: placeIn(site, address), how })),
    identifiers: (row.identifiers ?? []).map(([kind, value, listed]) => ({
      kind,
      value,
      ...(listed ? { listed } : {}),
    })),
  };
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
