import { sql } from 'kysely';
import type { Sighting } from '../../model/estate.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { prepared } from '../../platform/db/prepared.ts';
import { spaceOf } from './logic/place.ts';
import { COARSE_DAYS } from './store-around.ts';
import { plainList, wordOf } from './store-told.ts';

/** A sighting that says what stands: who that is, and how the host is called. */
export interface Repeat {
  /** which of the sightings, from 0 */
  index: number;
  hostId: string;
  name: string;
  nameRank: number;
}

/**
 * Which of these sightings, each of an address of its own, repeat the one word that stands of their source there, of the
 * one host that is there, while nothing of it has to be written down as seen again. What `hostsAround`, `reconcile` and
 * `noteTold` together would make of them is known without these: that host, seen, and no more.
 */
export async function repeatsAmong(
  db: DbOrTx,
  sightings: readonly (Sighting & { index: number })[],
): Promise<Repeat[]> {
  if (sightings.length === 0) return [];
  const of = <T>(read: (one: Sighting) => T): T[] => sightings.map(read);
  const shown = of(({ identifiers }) => [...new Set(identifiers.map(({ kind, value }) => `${kind} ${value}`))]);
  const { rows } = await sql<Repeat>`${prepared}
    select t.index, h.id as "hostId", h.name, h.name_rank as "nameRank"
    from unnest(${plainList(sightings.map(({ index }) => String(index)))}::int[],
      ${plainList(of(({ address }) => address))}::text[], ${plainList(of(({ source }) => source))}::text[],
      ${plainList(of(({ at }) => at))}::timestamptz[], ${plainList(of(wordOf))}::text[],
      ${of(({ site, address }) => spaceOf(site, address))}::text[], ${of(({ via }) => via ?? null)}::text[], ${shown.map((some) => some.join('\n'))}::text[],
      ${plainList(shown.map(({ length }) => String(length)))}::int[])
      t (index, address, source, at, word, site, via, identifiers, count)
    -- Each by its key, one row after the other, whatever PostgreSQL takes the tables for: hence the aggregates and limits.
    cross join lateral (
      select min(o.host_id) as host_id from discovery.address o where o.address = t.address and o.current
      having count(*) = 1 and bool_and(o.how = 'measured' and o.site = t.site
        and o.last_seen > t.at - ${COARSE_DAYS} * interval '1 day')) a
    cross join lateral (
      select from discovery.sighting s
      where s.host_id = a.host_id and s.source = t.source and s.address = t.address and s.until is null
        and s.via is not distinct from t.via
      having count(*) = 1 and bool_and(s.word = t.word)) s
    cross join lateral (
      select count(*) as fresh from discovery.identifier i
      where i.host_id = a.host_id and not i.listed and i.last_seen > t.at - ${COARSE_DAYS} * interval '1 day'
        and i.kind || ' ' || i.value = any(string_to_array(t.identifiers, E'\n'))) i
    cross join lateral (
      select h.id, h.name, h.name_rank from discovery.host h where h.id = a.host_id and h.superseded_by is null limit 1) h
    where i.fresh = t.count`.execute(db);
  return rows;
}

/** As things stand now: who departs later is news to whoever holds this. */
export async function standNow(db: DbOrTx): Promise<string> {
  const { rows } = await sql<{ stand: string }>`${prepared}select pg_current_snapshot()::text as stand`.execute(db);
  return rows[0]!.stand;
}

/**
 * Repeats (index of a sighting → host) whose host is no longer at that address, or another record's now: by index.
 * `stand`: from before they were told apart. Only who departed since then is looked at again.
 */
export async function goneAmong(
  db: DbOrTx,
  sightings: readonly Sighting[],
  repeats: ReadonlyMap<number, string>,
  stand: string,
): Promise<number[]> {
  if (repeats.size === 0) return [];
  const departed = await departedSince(db, stand);
  const open = [...repeats].filter(([, hostId]) => departed.has(hostId));
  if (open.length === 0) return [];
  const places = open.map(([index]) => sightings[index]!);
  const { rows } = await sql<{ index: number }>`${prepared}
    select t.index from unnest(${plainList(open.map(([index]) => String(index)))}::int[],
      ${plainList(open.map(([, hostId]) => hostId))}::text[], ${plainList(places.map(({ address }) => address))}::text[],
      ${places.map(({ site, address }) => spaceOf(site, address))}::text[]) t (index, host_id, address, site)
    where (select count(*) from discovery.address a where a.host_id = t.host_id and a.address = t.address and a.current
        and a.how = 'measured' and a.site = t.site) = 0
      or (select count(*) from discovery.host h where h.id = t.host_id and h.superseded_by is null) = 0`.execute(db);
  return rows.map(({ index }) => index);
}

/** Whose departure could not be seen then: it was not committed yet. */
async function departedSince(db: DbOrTx, stand: string): Promise<Set<string>> {
  const { rows } = await sql<{ host_id: string }>`${prepared}
    select distinct host_id from discovery.departure
    where xid >= pg_snapshot_xmin(${stand}::pg_snapshot) and not pg_visible_in_snapshot(xid, ${stand}::pg_snapshot)`.execute(
    db,
  );
  return new Set(rows.map((row) => row.host_id));
}
