import { type RawBuilder, sql } from 'kysely';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';
import { prepared } from '../../platform/db/prepared.ts';
import { plainList } from './store-told.ts';
import { q } from './tables.ts';

export interface Present {
  hostId: string;
  /** when it was seen; null: nobody says that it was */
  last: string | null;
}

/**
 * Who is seen is present. Rows are taken in the order of hosts, and until the transaction ends nobody else has them: that
 * is how everybody who writes of a host comes after another (decision 0096). `areNew`: nobody has seen any of them before.
 */
export async function notePresence(db: DbOrTx, all: readonly Present[], areNew = false): Promise<void> {
  const inOrder = all.toSorted((a, b) => (a.hostId < b.hostId ? -1 : Number(a.hostId > b.hostId)));
  for (const some of chunks(inOrder)) await notePresenceOf(db, some, areNew);
}

/**
 * Nobody notes that these hosts are seen, or what they serve, before this transaction has ended. One after the other in the
 * order of hosts, whatever PostgreSQL takes the table for; so all that a transaction may write of, at once.
 */
export async function holdHosts(db: DbOrTx, hostIds: readonly string[]): Promise<void> {
  await sql`${prepared}select from discovery.presence where host_id = ${anyOf(hostIds)}
    order by host_id collate "C" for no key update`.execute(db);
}

/** The same for those of these hosts of whom nobody else writes just now: who waits for nobody may hold others already. */
export async function holdIdle(db: DbOrTx, hostIds: readonly string[]): Promise<Set<string>> {
  const { rows } = await sql<{ host_id: string }>`${prepared}
    with held as materialized (
      select host_id from discovery.presence where host_id = ${anyOf(hostIds)} for no key update skip locked)
    select p.host_id from discovery.presence p
    where p.host_id = ${anyOf(hostIds)} and p.host_id not in (select host_id from held)`.execute(db);
  const busy = new Set(rows.map((row) => row.host_id));
  return new Set(hostIds.filter((id) => !busy.has(id)));
}

async function notePresenceOf(db: DbOrTx, some: readonly Present[], areNew: boolean): Promise<void> {
  const told = sql`unnest(${plainList(some.map(({ hostId }) => hostId))}::text[],
    ${plainList(some.map(({ last }) => last ?? 'null'))}::timestamptz[]) t (host_id, last)`;
  const known = sql`${prepared}
    update discovery.presence p set last_seen = greatest(p.last_seen, t.last),
      offline_since = case when t.last is null then p.offline_since end
    from ${told} where p.host_id = t.host_id`;
  if (!areNew && (await touches(db, known)) === some.length) return;
  await sql`
    insert into discovery.presence (host_id, last_seen) select host_id, last from ${told}
    where last is not null and not exists (select from discovery.presence p where p.host_id = t.host_id)`.execute(db);
}

/** How many rows that was. */
export const touches = async (db: DbOrTx, statement: RawBuilder<unknown>): Promise<number> =>
  Number((await statement.execute(db)).numAffectedRows ?? 0n);

/** Hosts that the last scan of their addresses did not find. */
export async function offlineHosts(db: DbOrTx): Promise<Set<string>> {
  const rows = await q(db)
    .selectFrom('discovery.presence')
    .select('host_id')
    .where('offline_since', 'is not', null)
    .execute();
  return new Set(rows.map((row) => row.host_id));
}

/** Those of these hosts that this scan had not counted yet; now it has. */
export async function markCounted(db: DbOrTx, hostIds: readonly string[], scanId: string): Promise<Set<string>> {
  if (hostIds.length === 0) return new Set();
  const rows = await q(db)
    .updateTable('discovery.presence')
    .set({ counted_in: scanId })
    .where('host_id', '=', anyOf([...new Set(hostIds)]))
    .where(sql<boolean>`counted_in is distinct from ${scanId}`)
    .returning('host_id')
    .execute();
  return new Set(rows.map((row) => row.host_id));
}

/** Present hosts with open endpoints on these ports that no source has seen since then, with those addresses. */
export async function silentHosts(
  db: DbOrTx,
  since: Date,
  { ports, udp = [] }: { ports: number[]; udp?: number[] },
): Promise<{ host_id: string; address: string; space: string }[]> {
  return (
    q(db)
      .selectFrom('discovery.endpoint as e')
      .innerJoin('discovery.presence as p', 'p.host_id', 'e.host_id')
      .innerJoin('discovery.host as h', 'h.id', 'e.host_id')
      .leftJoin('discovery.address as a', (on) =>
        on.onRef('a.host_id', '=', 'e.host_id').onRef('a.address', '=', 'e.address'),
      )
      .select(['e.host_id', 'e.address', sql<string>`coalesce(a.site, 'local')`.as('space')])
      .distinct()
      .where('e.state', '=', 'open')
      // What only an agent sees, a scan of the server never finds.
      .where('e.via', 'is', null)
      .where(sql<boolean>`e.port = any(case e.transport when 'udp' then ${udp}::int[] else ${ports}::int[] end)`)
      .where('p.last_seen', '<', since)
      .where('p.offline_since', 'is', null)
      .where('h.superseded_by', 'is', null)
      .execute()
  );
}

/** The same for hosts without an open endpoint that were seen by their answer to a ping or to ARP. */
export async function mutedHosts(
  db: DbOrTx,
  since: Date,
): Promise<{ host_id: string; address: string; space: string }[]> {
  const { rows } = await sql<{ host_id: string; address: string; space: string }>`
    select a.host_id, a.address, a.site as space from discovery.presence p
    join discovery.host h on h.id = p.host_id and h.superseded_by is null
    join discovery.address a on a.host_id = p.host_id and a.current and a.how = 'measured'
    where p.offline_since is null and p.last_seen < ${since}
      and not exists (select from discovery.endpoint e where e.host_id = p.host_id and e.state = 'open')
      and exists (select from discovery.sighting s where s.host_id = p.host_id and s.evidence ? 'up')`.execute(db);
  return rows;
}

/** Of these hosts, those that nobody has seen since then, nor writes of just now, are offline. How many were not before. */
export async function markOffline(
  db: DbOrTx,
  hostIds: readonly string[],
  { since, at }: { since: Date; at: Date },
): Promise<number> {
  if (hostIds.length === 0) return 0;
  const idle = await holdIdle(db, hostIds);
  const done = await q(db)
    .updateTable('discovery.presence as p')
    .set({ offline_since: at })
    .where('p.host_id', '=', anyOf([...idle]))
    .where('p.last_seen', '<', since)
    .where('p.offline_since', 'is', null)
    .where(sql<boolean>`exists (select from discovery.host h where h.id = p.host_id and h.superseded_by is null)`)
    .executeTakeFirst();
  return Number(done.numUpdatedRows);
}
