import { type RawBuilder, sql } from 'kysely';
import type { Host, SharedAddress } from '../../model/estate.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import { addressOfPlace } from './logic/place.ts';
import { type Face, isOnlyShared, sharedOf } from './logic/shared.ts';

/** Faces of these addresses, or of all. */
export const facesAt = (db: DbOrTx, addresses?: readonly string[]): Promise<Map<string, Face[]>> =>
  readFaces(db, addresses ? sql<boolean>`f.address = ${anyOf(addresses)}` : sql<boolean>`true`);

/** Faces of these addresses, and of those where one of these records stands for somebody. */
export const facesAround = (
  db: DbOrTx,
  addresses: readonly string[],
  records: readonly string[],
): Promise<Map<string, Face[]>> =>
  readFaces(
    db,
    sql<boolean>`f.address = any(array(select unnest(${[...addresses]}::text[])
      union select o.address from discovery.face o where o.record_id = ${anyOf(records)}))`,
  );

async function readFaces(db: DbOrTx, where: RawBuilder<boolean>): Promise<Map<string, Face[]>> {
  const { rows } = await sql<Face>`
    select f.address, f.identity, f.record_id as "recordId", f.how, f.first_at as "firstAt", f.last_at as "lastAt", f.quick,
      (select m.into_id from discovery.merge m where m.from_id = f.record_id and m.undone_at is null
        order by m.at desc limit 1) as "mergedInto"
    from discovery.face f where ${where} order by f.address, f.identity`.execute(db);
  return Map.groupBy(rows, ({ address }) => address);
}

export async function keepFace(db: DbOrTx, face: Face): Promise<void> {
  await sql`
    insert into discovery.face (address, identity, record_id, how, first_at, last_at, quick)
    values (${face.address}, ${face.identity}, ${face.recordId}, ${face.how}, ${face.firstAt}, ${face.lastAt}, ${face.quick})
    on conflict (address, identity) do update set record_id = excluded.record_id,
      first_at = excluded.first_at, last_at = excluded.last_at, quick = excluded.quick`.execute(db);
}

const severalOf = (faces: ReadonlyMap<string, Face[]>): [string, Face[]][] =>
  [...faces].filter(([, some]) => some.length > 1);

/**
 * Addresses that are several machines'. Faces are few: copies, second cards and such addresses. `among`: none, where none
 * of these is; one key in many machines makes many faces, and hardly such an address.
 */
export async function sharedAddresses(db: DbOrTx, among?: readonly string[]): Promise<Map<string, SharedAddress>> {
  if (among && severalOf(await facesAt(db, among)).length === 0) return new Map();
  const several = severalOf(await facesAt(db));
  if (several.length === 0) return new Map();
  const identities = [...new Set(several.flatMap(([, some]) => some.map(({ identity }) => identity)))];
  return sharedOf(new Map(several), await holdersOf(db, identities));
}

/** Present records that have these identities. */
async function holdersOf(db: DbOrTx, identities: readonly string[]): Promise<Map<string, string[]>> {
  const { rows } = await sql<{ identity: string; ids: string[] }>`
    select w.identity, array_agg(h.id order by h.id) as ids
    from unnest(${identities}::text[]) as w (identity)
      join discovery.identifier i on i.kind = split_part(w.identity, ' ', 1)
        and i.value = substr(w.identity, strpos(w.identity, ' ') + 1)
      join discovery.host h on h.id = i.host_id and h.superseded_by is null
    group by w.identity`.execute(db);
  return new Map(rows.map(({ identity, ids }) => [identity, ids]));
}

/** As `placeIn` has it. */
const PLACE = sql`case a.site when 'local' then a.address else a.address || '@' || a.site end`;

/** What a face is told by (`identityOf`). */
const SHOWN = sql`i.host_id = a.host_id and i.kind in ('ssh-host-key', 'mac')`;

interface Around {
  id: string;
  now: string[];
  ever: string[];
  isStranger: boolean;
}

/** Records that are or were at one of these addresses, with everywhere that they are and were. */
async function placesAround(db: DbOrTx, places: readonly string[]): Promise<Around[]> {
  const { rows } = await sql<Around>`
    select a.host_id as id, coalesce(array_agg(${PLACE}) filter (where a.current), '{}') as now,
      array_agg(${PLACE}) as ever,
      exists (select from discovery.identifier i where ${SHOWN})
        and not exists (select from discovery.identifier i
          join discovery.face f on f.identity = i.kind || ' ' || i.value
          where ${SHOWN} and f.address = any (array_agg(${PLACE}))) as "isStranger"
    from discovery.address a
    where a.host_id in (select i.host_id from discovery.address i where i.address = ${anyOf(places.map(addressOfPlace))})
    group by a.host_id`.execute(db);
  return rows;
}

/** Hosts, other than this one, that serve one of its TLS keys. */
async function sameTlsKeys(db: DbOrTx, hostId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select distinct o.host_id as id from discovery.identifier i
      join discovery.identifier o on o.kind = i.kind and o.value = i.value and o.host_id <> i.host_id
      join discovery.host h on h.id = o.host_id and h.superseded_by is null
    where i.host_id = ${hostId} and i.kind = 'tls-key' order by 1 limit 100`.execute(db);
  return rows.map(({ id }) => id);
}

/** Which of these another managed host has or had, too. */
export async function othersHad(db: DbOrTx, hostId: string, addresses: readonly string[]): Promise<string[]> {
  if (addresses.length === 0) return [];
  const { rows } = await sql<{ address: string }>`
    select distinct a.address from discovery.address a join discovery.host h on h.id = a.host_id
    where a.address = ${anyOf(addresses)} and a.site = 'local' and a.host_id <> ${hostId}
      and h.agent_id is not null and h.superseded_by is null`.execute(db);
  return rows.map(({ address }) => address);
}

/** Present records that are no machines: nothing but addresses that several have. */
export async function sharedRecords(db: DbOrTx): Promise<string[]> {
  const shared = await sharedAddresses(db);
  if (shared.size === 0) return [];
  const only = (await placesAround(db, [...shared.keys()])).filter((one) => isOnlyShared(one, shared) !== null);
  const { rows } = await sql<{ id: string }>`
    select id from discovery.host where id = ${anyOf(only.map(({ id }) => id))} and agent_id is null`.execute(db);
  return rows.map(({ id }) => id);
}

/** So many hosts are asked by their addresses; for more all faces are read. */
const FEW = 100;

async function placesOf(db: DbOrTx, hosts: readonly Host[]): Promise<string[] | undefined> {
  if (hosts.length > FEW) return undefined;
  const { rows } = await sql<{ place: string }>`
    select ${PLACE} as place from discovery.address a where a.host_id = ${anyOf(hosts.map(({ id }) => id))}`.execute(
    db,
  );
  return rows.map(({ place }) => place);
}

/** Says of each record that is no machine what it is. */
export async function withShared(db: DbOrTx, hosts: Host[]): Promise<Host[]> {
  const shared =
    hosts.length > 0 ? await sharedAddresses(db, await placesOf(db, hosts)) : new Map<string, SharedAddress>();
  if (shared.size === 0) return hosts;
  const places = new Map((await placesAround(db, [...shared.keys()])).map((one) => [one.id, one]));
  const isRecord = (id: string): boolean => {
    const place = places.get(id);
    return place !== undefined && isOnlyShared(place, shared) !== null;
  };
  const marked = hosts.map(async (host): Promise<Host> => {
    const place = places.get(host.id);
    const only = place && !host.agentId ? isOnlyShared(place, shared) : null;
    if (!only) return host;
    const members = [...new Set([...only.members, ...(await sameTlsKeys(db, host.id))])].filter((id) => !isRecord(id));
    return { ...host, shared: { ...only, members } };
  });
  return Promise.all(marked);
}
