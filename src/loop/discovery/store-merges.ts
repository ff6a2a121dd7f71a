import type { JSONColumnType } from 'kysely';
import { sql } from 'kysely';
import type { Claim, Identifier, Tags } from '../../model/estate.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import { q as discovery } from './tables.ts';

/** What people said of a host. */
export interface Said {
  claim: Claim;
  owner: string | null;
  tags: Tags;
}

export interface Moved {
  fromNote: string | null;
  intoNote: string | null;
  addresses: { address: string; how: 'measured' | 'claimed'; site?: string }[];
  /** addresses that `into` had already */
  before: { address: string; how: 'measured' | 'claimed' }[];
  /** ids */
  endpoints: string[];
  /** that `into` did not have */
  identifiers: Identifier[];
  /** that `into` had */
  own: Identifier[];
  said: { before: Said; after: Said };
}

type MergeTables = {
  'discovery.merge': {
    id: string;
    at: Date;
    from_id: string;
    into_id: string;
    why: string;
    moved: JSONColumnType<Moved, string, string>;
    undone_at: Date | null;
  };
  'discovery.apart': { one_id: string; other_id: string; at: Date };
};
const q = (db: DbOrTx) => db.withTables<MergeTables>();

export interface MergeRow {
  id: string;
  at: Date;
  from_id: string;
  into_id: string;
  why: string;
  moved: Moved;
}

export async function insertMerge(db: DbOrTx, row: MergeRow): Promise<void> {
  await q(db)
    .insertInto('discovery.merge')
    .values({ ...row, moved: JSON.stringify(row.moved), undone_at: null })
    .execute();
}

/** The last merge into a host that was not taken back. */
export async function lastMerge(db: DbOrTx, into: string, from?: string): Promise<MergeRow | undefined> {
  let query = q(db)
    .selectFrom('discovery.merge')
    .select(['id', 'at', 'from_id', 'into_id', 'why', 'moved'])
    .where('into_id', '=', into)
    .where('undone_at', 'is', null)
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(1);
  if (from) query = query.where('from_id', '=', from);
  return query.executeTakeFirst();
}

/** False when somebody else took it back meanwhile. */
export async function undoneMerge(db: DbOrTx, id: string, now: Date): Promise<boolean> {
  const done = await q(db)
    .updateTable('discovery.merge')
    .set({ undone_at: now })
    .where('id', '=', id)
    .where('undone_at', 'is', null)
    .executeTakeFirst();
  return done.numUpdatedRows > 0n;
}

const inOrder = (a: string, b: string): [string, string] => (a < b ? [a, b] : [b, a]);

export async function keepApart(db: DbOrTx, a: string, b: string, at: Date): Promise<void> {
  const [one_id, other_id] = inOrder(a, b);
  await q(db)
    .insertInto('discovery.apart')
    .values({ one_id, other_id, at })
    .onConflict((c) => c.doNothing())
    .execute();
}

export async function areApart(db: DbOrTx, a: string, b: string): Promise<boolean> {
  const [one, other] = inOrder(a, b);
  const row = await q(db)
    .selectFrom('discovery.apart')
    .select('at')
    .where('one_id', '=', one)
    .where('other_id', '=', other)
    .executeTakeFirst();
  return row !== undefined;
}

export async function currentAddresses(
  db: DbOrTx,
  hostId: string,
): Promise<{ address: string; how: 'measured' | 'claimed'; site: string }[]> {
  return discovery(db)
    .selectFrom('discovery.address')
    .select(['address', 'how', 'site'])
    .where('host_id', '=', hostId)
    .where('current', '=', true)
    .orderBy('address')
    .execute();
}

export async function dropIdentifiers(db: DbOrTx, hostId: string, identifiers: readonly Identifier[]): Promise<void> {
  for (const { kind, value } of identifiers) {
    await discovery(db)
      .deleteFrom('discovery.identifier')
      .where('host_id', '=', hostId)
      .where('kind', '=', kind)
      .where('value', '=', value)
      .execute();
  }
}

/**
 * Sightings since a merge at addresses that go back are of the machine that has them again. Returns what they showed of
 * who it is and no other sighting of `into` did.
 */
export async function returnSightings(
  db: DbOrTx,
  what: { into: string; from: string; addresses: string[]; since: Date },
): Promise<Identifier[]> {
  await sql`
    with back as (
      update discovery.sighting set host_id = ${what.from}
      where host_id = ${what.into} and address = ${anyOf(what.addresses)} and at >= ${what.since}
      returning source, at)
    insert into discovery.host_source (host_id, source, first_seen, last_seen, sightings)
    select ${what.from}, source, min(at), max(at), count(*) from back group by source
    on conflict (host_id, source) do update set
      last_seen = greatest(discovery.host_source.last_seen, excluded.last_seen),
      sightings = discovery.host_source.sightings + excluded.sightings`.execute(db);
  const { rows } = await sql<Identifier>`
    select distinct i.kind, i.value from discovery.sighting s, jsonb_to_recordset(s.identifiers) as i (kind text, value text)
    where s.host_id = ${what.from} and s.address = ${anyOf(what.addresses)} and s.at >= ${what.since}
    except
    select i.kind, i.value from discovery.sighting s, jsonb_to_recordset(s.identifiers) as i (kind text, value text)
    where s.host_id = ${what.into} and s.at >= ${what.since}`.execute(db);
  return rows;
}
