import { sql } from 'kysely';
import type { Identifier, Sighting } from '../../model/estate.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { jsonText } from '../../platform/db/json-text.ts';
import { chunks } from '../../platform/db/many.ts';
import { isListed, isMeasured } from './logic/reconcile.ts';

/** Of a measured address or an identifier nobody reads when it was seen last to the day: its host says so to the second. */
const COARSE_DAYS = 7;

/** Which host a sighting is. */
export interface Seen {
  hostId: string;
  sighting: Sighting;
  /** a list gives it that address, and something else was measured there */
  isElsewhere?: boolean;
}

/**
 * Writes down that hosts were seen: what a source says of a host, its sources, addresses, identifiers and when. Who is
 * seen again with nothing new costs two rows, which say how often and when last; the rest is compared and left alone.
 */
export async function noteSightings(db: DbOrTx, all: readonly Seen[]): Promise<void> {
  // A few statements a thousand sightings: one each would be most of the time that a large scan takes.
  for (const some of chunks(all, 1000)) {
    await noteTold(db, some);
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
  await noteTold(db, told);
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

/** What a source says of a host at an address stands until it says something else. */
async function noteTold(db: DbOrTx, seen: readonly Seen[]): Promise<void> {
  const of = <T>(read: (one: Seen) => T): T[] => seen.map(read);
  await sql`
    with told as (
      select * from unnest(
        ${of(({ hostId }) => hostId)}::text[], ${of(({ sighting }) => sighting.source)}::text[],
        ${of(({ sighting }) => sighting.address)}::text[], ${of(({ sighting }) => sighting.at)}::timestamptz[],
        ${of(({ sighting }) => sighting.via ?? null)}::text[], ${of(({ sighting }) => sighting.hostname ?? null)}::text[],
        ${of(({ sighting }) => jsonText(sighting.identifiers))}::jsonb[],
        ${of(({ sighting }) => (sighting.evidence ? jsonText(sighting.evidence) : null))}::jsonb[])
        t (host_id, source, address, at, via, hostname, identifiers, evidence)),
    news as (
      select * from told t where not exists (
        select from discovery.sighting s
        where s.host_id = t.host_id and s.source = t.source and s.address = t.address and s.until is null
          and s.via is not distinct from t.via and s.hostname is not distinct from t.hostname
          and s.identifiers = t.identifiers and s.evidence is not distinct from t.evidence)),
    ended as (
      update discovery.sighting s set until = greatest(s.at, n.at) from news n
      where s.host_id = n.host_id and s.source = n.source and s.address = n.address and s.until is null
        and s.via is not distinct from n.via)
    insert into discovery.sighting (host_id, source, address, at, via, hostname, identifiers, evidence)
    select * from news`.execute(db);
}

/** Adds up in here what a batch says of one thing: a statement may touch a row once. */
function grouped<T extends { at: string }>(
  all: readonly T[],
  key: (one: T) => string,
): { one: T; first: string; last: string; count: number }[] {
  const groups = new Map<string, { one: T; first: string; last: string; count: number }>();
  for (const one of all) {
    const group = groups.get(key(one));
    if (!group) groups.set(key(one), { one, first: one.at, last: one.at, count: 1 });
    else {
      group.count++;
      if (one.at < group.first) group.first = one.at;
      if (one.at > group.last) group.last = one.at;
    }
  }
  return [...groups.values()];
}

async function noteSources(db: DbOrTx, seen: readonly Seen[]): Promise<void> {
  const told = seen.map(({ hostId, sighting: { source, at } }) => ({ hostId, source, at }));
  const groups = grouped(told, ({ hostId, source }) => `${source} ${hostId}`);
  const rows = sql`unnest(${groups.map(({ one }) => one.hostId)}::text[], ${groups.map(({ one }) => one.source)}::text[],
    ${groups.map(({ first }) => first)}::timestamptz[], ${groups.map(({ last }) => last)}::timestamptz[],
    ${groups.map(({ count }) => count)}::int[]) t (host_id, source, first, last, count)`;
  const done = await sql`
    update discovery.host_source s set last_seen = greatest(s.last_seen, t.last), sightings = s.sightings + t.count
    from ${rows} where s.host_id = t.host_id and s.source = t.source`.execute(db);
  if (Number(done.numAffectedRows) === groups.length) return;
  await sql`
    insert into discovery.host_source (host_id, source, first_seen, last_seen, sightings)
    select host_id, source, first, last, count from ${rows}
    where not exists (select from discovery.host_source s where s.host_id = t.host_id and s.source = t.source)`.execute(
    db,
  );
}

/** A claim does not take back what was measured; claims are ended by their age, so theirs is kept to the hour. */
async function noteAddresses(db: DbOrTx, seen: readonly Seen[], how?: 'claimed'): Promise<void> {
  if (seen.length === 0) return;
  const known = seen.map(({ sighting }) => how ?? (isMeasured(sighting) ? 'measured' : 'claimed'));
  await sql`
    insert into discovery.address as a (host_id, address, how, current, first_seen, last_seen)
    select host_id, address, max(how), true, min(at), max(at)
    from unnest(${seen.map(({ hostId }) => hostId)}::text[], ${seen.map(({ sighting }) => sighting.address)}::text[],
      ${known}::text[], ${seen.map(({ sighting }) => sighting.at)}::timestamptz[]) t (host_id, address, how, at)
    where not exists (select from discovery.address o where o.host_id = t.host_id and o.address = t.address and o.current
      and (o.how = 'measured' or o.how = t.how)
      and o.last_seen > t.at - case o.how when 'measured' then ${COARSE_DAYS} * interval '1 day' else interval '1 hour' end)
    group by host_id, address
    on conflict (host_id, address) do update set
      last_seen = greatest(a.last_seen, excluded.last_seen),
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
    where not exists (select from discovery.identifier o
      where o.host_id = t.host_id and o.kind = t.kind and o.value = t.value and (t.listed or not o.listed)
        and o.last_seen > t.at - ${COARSE_DAYS} * interval '1 day')
    group by host_id, kind, value
    on conflict (host_id, kind, value) do update set
      last_seen = greatest(i.last_seen, excluded.last_seen), listed = i.listed and excluded.listed`.execute(db);
}

async function notePresent(db: DbOrTx, seen: readonly Seen[]): Promise<void> {
  if (seen.length === 0) return;
  const groups = grouped(
    seen.map(({ hostId, sighting: { at } }) => ({ hostId, at })),
    ({ hostId }) => hostId,
  );
  const rows = sql`unnest(${groups.map(({ one }) => one.hostId)}::text[],
    ${groups.map(({ last }) => last)}::timestamptz[]) t (host_id, last)`;
  const done = await sql`
    update discovery.presence p set last_seen = greatest(p.last_seen, t.last), offline_since = null
    from ${rows} where p.host_id = t.host_id`.execute(db);
  if (Number(done.numAffectedRows) === groups.length) return;
  await sql`
    insert into discovery.presence (host_id, last_seen) select host_id, last from ${rows}
    where not exists (select from discovery.presence p where p.host_id = t.host_id)`.execute(db);
}
