import { sql } from 'kysely';
import type { Identifier, Sighting } from '../../model/estate.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { chunks } from '../../platform/db/many.ts';
import { prepared } from '../../platform/db/prepared.ts';
import { placeIn, spaceOf } from './logic/place.ts';
import { isListed, isMeasured } from './logic/reconcile.ts';
import { COARSE_DAYS, freshAddress, freshIdentifier } from './store-around.ts';
import { notePresence, type Present, touches } from './store-presence.ts';
import { noteTold, plainList } from './store-told.ts';

/** Which host a sighting is. */
export interface Seen {
  hostId: string;
  sighting: Sighting;
  /** a list gives it that address, and something else was measured there */
  isElsewhere?: boolean;
  /** what of its host need not be written down again, as `HostAround` has it */
  fresh?: ReadonlySet<string> | undefined;
}

/**
 * Writes down that hosts were seen: what a source says of a host, its sources, addresses, identifiers and when. Who is
 * seen again with nothing new costs two rows, which say how often and when last; the rest is compared and left alone.
 */
export async function noteSightings(db: DbOrTx, all: readonly Seen[]): Promise<void> {
  await noteWords(db, all);
  await noteSeen(db, all);
}

/** What was said, and where and by which identifiers; all but how often and when last. */
export async function noteWords(db: DbOrTx, all: readonly Seen[]): Promise<void> {
  // A few statements a thousand sightings: one each would be most of the time that a large scan takes.
  for (const some of chunks(all, 1000)) {
    await noteTold(db, some);
    await noteAddresses(
      db,
      some.filter((one) => !one.isElsewhere && !isAddressFresh(one)),
    );
    await noteIdentifiersOf(db, some.flatMap(staleIdentifiers));
  }
}

interface Noting {
  /** false: they are told of, and not seen */
  isPresent?: boolean;
  /** all of them were made by this batch: nothing is known of them that would have to be asked for first */
  areNew?: boolean;
  /** hosts that are to be written of besides, by whatever is decided next */
  holding?: readonly string[];
}

/**
 * How often and when last, per host and source; who is seen, and not only told of, is present. Presence comes first: its
 * rows say whose turn it is.
 */
export async function noteSeen(
  db: DbOrTx,
  seen: readonly Seen[],
  { isPresent = true, areNew = false, holding = [] }: Noting = {},
): Promise<void> {
  const said = seen.map(({ hostId, sighting }) => ({ hostId, source: sighting.source, at: sighting.at }));
  const present = new Map<string, Present>(holding.map((hostId) => [hostId, { hostId, last: null }]));
  const shown = isPresent ? said.filter((one) => !isListed(one)) : [];
  for (const { one, last } of grouped(shown, ({ hostId }) => hostId))
    present.set(one.hostId, { hostId: one.hostId, last });
  await notePresence(db, [...present.values()], areNew);
  const inOrder = said.toSorted((a, b) => (a.hostId < b.hostId ? -1 : Number(a.hostId > b.hostId)));
  for (const some of chunks(inOrder)) await countSeen(db, some, areNew);
}

/** What was measured stays measured, whoever claims it. */
function isAddressFresh({ fresh, sighting }: Seen): boolean {
  const place = placeIn(spaceOf(sighting.site, sighting.address), sighting.address);
  if (fresh?.has(freshAddress(place, 'measured'))) return true;
  return !isMeasured(sighting) && fresh?.has(freshAddress(place, 'claimed')) === true;
}

function staleIdentifiers({ hostId, sighting, fresh }: Seen) {
  const listed = isListed(sighting);
  return sighting.identifiers
    .filter((one) => !fresh?.has(freshIdentifier(one, false)) && !(listed && fresh?.has(freshIdentifier(one, true))))
    .map((one) => ({ hostId, at: sighting.at, listed, ...one }));
}

export const noteSighting = (db: DbOrTx, hostId: string, sighting: Sighting): Promise<void> =>
  noteSightings(db, [{ hostId, sighting }]);

/** An agent saw this host, of which more is known than its word: that it was said, and where, and no more. */
export async function noteHearsay(db: DbOrTx, hostId: string, sighting: Sighting): Promise<void> {
  const told = [{ hostId, sighting: { ...sighting, identifiers: [] } }];
  await noteTold(db, told);
  await noteSeen(db, told, { isPresent: false });
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

async function countSeen(
  db: DbOrTx,
  said: readonly { hostId: string; source: Sighting['source']; at: string }[],
  areNew: boolean,
): Promise<void> {
  const groups = grouped(said, ({ hostId, source }) => `${source} ${hostId}`);
  const sources = sql`unnest(${plainList(groups.map(({ one }) => one.hostId))}::text[],
    ${plainList(groups.map(({ one }) => one.source))}::text[],
    ${plainList(groups.map(({ first }) => first))}::timestamptz[],
    ${plainList(groups.map(({ last }) => last))}::timestamptz[],
    ${plainList(groups.map(({ count }) => String(count)))}::int[]) t (host_id, source, first, last, count)`;
  const known = sql`${prepared}
    update discovery.host_source s set last_seen = greatest(s.last_seen, t.last), sightings = s.sightings + t.count
    from ${sources} where s.host_id = t.host_id and s.source = t.source`;
  if (!areNew && (await touches(db, known)) === groups.length) return;
  await sql`
    insert into discovery.host_source (host_id, source, first_seen, last_seen, sightings)
    select host_id, source, first, last, count from ${sources}
    where not exists (select from discovery.host_source s where s.host_id = t.host_id and s.source = t.source)`.execute(
    db,
  );
}

/** A claim does not take back what was measured; claims are ended by their age, so theirs is kept to the hour. */
async function noteAddresses(db: DbOrTx, seen: readonly Seen[], how?: 'claimed'): Promise<void> {
  if (seen.length === 0) return;
  const sites = seen.map(({ sighting: { site, address } }) => spaceOf(site, address));
  const known = seen.map(({ sighting }) => how ?? (isMeasured(sighting) ? 'measured' : 'claimed'));
  await sql`
    insert into discovery.address as a (host_id, address, site, how, current, first_seen, last_seen)
    -- Where it was measured, whatever is claimed of that address elsewhere in the same breath.
    select host_id, address, (array_agg(site order by how desc, site desc))[1], max(how), true, min(at), max(at)
    from unnest(${seen.map(({ hostId }) => hostId)}::text[], ${seen.map(({ sighting }) => sighting.address)}::text[],
      ${known}::text[], ${seen.map(({ sighting }) => sighting.at)}::timestamptz[], ${sites}::text[])
      t (host_id, address, how, at, site)
    where not exists (select from discovery.address o where o.host_id = t.host_id and o.address = t.address and o.current
      and o.site = t.site and (o.how = 'measured' or o.how = t.how)
      and o.last_seen > t.at - case o.how when 'measured' then ${COARSE_DAYS} * interval '1 day' else interval '1 hour' end)
    group by host_id, address
    on conflict (host_id, address) do update set
      last_seen = greatest(a.last_seen, excluded.last_seen),
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
    where not exists (select from discovery.identifier o
      where o.host_id = t.host_id and o.kind = t.kind and o.value = t.value and (t.listed or not o.listed)
        and o.last_seen > t.at - ${COARSE_DAYS} * interval '1 day')
    group by host_id, kind, value
    on conflict (host_id, kind, value) do update set
      last_seen = greatest(i.last_seen, excluded.last_seen), listed = i.listed and excluded.listed`.execute(db);
}
