import { sql } from 'kysely';
import type { Identifier, Sighting } from '../../model/estate.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { jsonText } from '../../platform/db/json-text.ts';
import { chunks } from '../../platform/db/many.ts';
import { spaceOf } from './logic/place.ts';
import { isListed, isMeasured } from './logic/reconcile.ts';

/** Which host a sighting is. */
export interface Seen {
  hostId: string;
  sighting: Sighting;
  /** a list gives it that address, and something else was measured there */
  isElsewhere?: boolean;
}

/** Writes down that hosts were seen: each sighting itself, and per host its sources, addresses, identifiers and when. */
export async function noteSightings(db: DbOrTx, all: readonly Seen[]): Promise<void> {
  // A few statements a thousand sightings: one each would be most of the time that a large scan takes.
  for (const some of chunks(all, 1000)) {
    await insertSightings(db, some);
    await noteSources(db, some);
    await noteAddresses(
      db,
      some.filter(({ isElsewhere }) => !isElsewhere),
    );
    await noteIdentifiersOf(
      db,
      some.flatMap(({ hostId, sighting }) =>
        sighting.identifiers.map((one) => ({ hostId, at: sighting.at, listed: isListed(sighting), ...one })),
      ),
    );
    await notePresent(
      db,
      some.filter(({ sighting }) => !isListed(sighting)),
    );
  }
}

export const noteSighting = (db: DbOrTx, hostId: string, sighting: Sighting): Promise<void> =>
  noteSightings(db, [{ hostId, sighting }]);

/** An agent saw this host, of which more is known than its word: that it was said, and where, and no more. */
export async function noteHearsay(db: DbOrTx, hostId: string, sighting: Sighting): Promise<void> {
  const told = [{ hostId, sighting: { ...sighting, identifiers: [] } }];
  await insertSightings(db, told);
  await noteSources(db, told);
  await noteAddresses(db, told, 'claimed');
}

export async function noteIdentifiers(
  db: DbOrTx,
  hostId: string,
  identifiers: readonly Identifier[],
  at: Date,
): Promise<void> {
  await noteIdentifiersOf(
    db,
    identifiers.map((one) => ({ hostId, at: at.toISOString(), listed: false, ...one })),
  );
}

async function insertSightings(db: DbOrTx, seen: readonly Seen[]): Promise<void> {
  const of = <T>(read: (one: Seen) => T): T[] => seen.map(read);
  await sql`
    insert into discovery.sighting (host_id, source, address, at, via, hostname, identifiers, evidence)
    select * from unnest(
      ${of(({ hostId }) => hostId)}::text[], ${of(({ sighting }) => sighting.source)}::text[],
      ${of(({ sighting }) => sighting.address)}::text[], ${of(({ sighting }) => sighting.at)}::timestamptz[],
      ${of(({ sighting }) => sighting.via ?? null)}::text[], ${of(({ sighting }) => sighting.hostname ?? null)}::text[],
      ${of(({ sighting }) => jsonText(sighting.identifiers))}::jsonb[],
      ${of(({ sighting }) => (sighting.evidence ? jsonText(sighting.evidence) : null))}::jsonb[])`.execute(db);
}

async function noteSources(db: DbOrTx, seen: readonly Seen[]): Promise<void> {
  await sql`
    insert into discovery.host_source as s (host_id, source, first_seen, last_seen, sightings)
    select host_id, source, min(at), max(at), count(*)
    from unnest(${seen.map(({ hostId }) => hostId)}::text[], ${seen.map(({ sighting }) => sighting.source)}::text[],
      ${seen.map(({ sighting }) => sighting.at)}::timestamptz[]) t (host_id, source, at)
    group by host_id, source
    on conflict (host_id, source) do update set
      last_seen = excluded.last_seen, sightings = s.sightings + excluded.sightings`.execute(db);
}

/** A claim does not take back what was measured. */
async function noteAddresses(db: DbOrTx, seen: readonly Seen[], how?: 'claimed'): Promise<void> {
  if (seen.length === 0) return;
  const sites = seen.map(({ sighting: { site, address } }) => spaceOf(site, address));
  const known = seen.map(({ sighting }) => how ?? (isMeasured(sighting) ? 'measured' : 'claimed'));
  await sql`
    insert into discovery.address as a (host_id, address, site, how, current, first_seen, last_seen)
    select host_id, address, max(site), max(how), true, min(at), max(at)
    from unnest(${seen.map(({ hostId }) => hostId)}::text[], ${seen.map(({ sighting }) => sighting.address)}::text[],
      ${known}::text[], ${seen.map(({ sighting }) => sighting.at)}::timestamptz[], ${sites}::text[])
      t (host_id, address, how, at, site)
    group by host_id, address
    on conflict (host_id, address) do update set
      last_seen = excluded.last_seen,
      -- Whoever measured it says at which site; hearsay moves it nowhere.
      site = case when excluded.how = 'measured' or not a.current then excluded.site else a.site end,
      how = case when a.current and a.how = 'measured' then 'measured' else excluded.how end,
      current = true`.execute(db);
}

async function noteIdentifiersOf(
  db: DbOrTx,
  all: readonly (Identifier & { hostId: string; at: string; listed: boolean })[],
): Promise<void> {
  if (all.length === 0) return;
  await sql`
    insert into discovery.identifier as i (host_id, kind, value, listed, first_seen, last_seen)
    select host_id, kind, value, bool_and(listed), min(at), max(at)
    from unnest(${all.map(({ hostId }) => hostId)}::text[], ${all.map(({ kind }) => kind)}::text[],
      ${all.map(({ value }) => value)}::text[], ${all.map(({ listed }) => listed)}::boolean[],
      ${all.map(({ at }) => at)}::timestamptz[]) t (host_id, kind, value, listed, at)
    group by host_id, kind, value
    on conflict (host_id, kind, value) do update set
      last_seen = excluded.last_seen, listed = i.listed and excluded.listed`.execute(db);
}

async function notePresent(db: DbOrTx, seen: readonly Seen[]): Promise<void> {
  if (seen.length === 0) return;
  await sql`
    insert into discovery.presence (host_id, last_seen, offline_since, counted_in)
    select host_id, max(at), null, null
    from unnest(${seen.map(({ hostId }) => hostId)}::text[], ${seen.map(({ sighting }) => sighting.at)}::timestamptz[]) t (host_id, at)
    group by host_id
    on conflict (host_id) do update set last_seen = excluded.last_seen, offline_since = null`.execute(db);
}
