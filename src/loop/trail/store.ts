import { sql, type JSONColumnType, type Transaction } from 'kysely';
import type { DbOrTx, NoTables } from '../../platform/context.ts';
import type { Coordinate, TreeNode } from './logic/tree.ts';

/** Own tables, and the ledger's entries, which are only read here. */
export type TrailTables = {
  'trail.leaf': { index: number; seq: number; entry_id: string };
  'trail.node': { level: number; index: number; hash: Buffer };
  'trail.checkpoint': { size: number; root: Buffer; text: string; at: Date };
  'trail.key': { id: number; name: string; public_key: Buffer; secret_id: string; created_at: Date };
  'trail.document': {
    kind: string;
    id: string;
    title: string;
    at: Date;
    entries: number;
    files: JSONColumnType<{ path: string; sha256: string }[]>;
  };
  'ledger.entry': { seq: number; at: Date; type: string; subject: string; related: string[]; bytes: Buffer };
};
const q = (db: DbOrTx) => db.withTables<TrailTables>();

/** Any number; it only has to be the same in every server: one sequencer at a time. */
const SEQUENCER_LOCK = 7414_0060;

export async function lockSequencer(tx: Transaction<NoTables>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${SEQUENCER_LOCK})`.execute(tx);
}

export interface StoredCheckpoint {
  size: number;
  root: Buffer;
  text: string;
  at: Date;
}

export async function latestCheckpoint(db: DbOrTx): Promise<StoredCheckpoint | null> {
  const row = await q(db)
    .selectFrom('trail.checkpoint')
    .selectAll()
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ?? null;
}

/** Checkpoints of sizes in (after, until], smallest first. */
export async function checkpointsAfter(db: DbOrTx, after: number, limit: number): Promise<StoredCheckpoint[]> {
  return q(db)
    .selectFrom('trail.checkpoint')
    .selectAll()
    .where('size', '>', after)
    .orderBy('size')
    .limit(limit)
    .execute();
}

export async function insertCheckpoint(tx: Transaction<NoTables>, checkpoint: StoredCheckpoint): Promise<void> {
  await q(tx).insertInto('trail.checkpoint').values(checkpoint).execute();
}

/** Rows a statement: far below PostgreSQL's 65,535 parameters. */
const CHUNK = 5000;

export async function insertLeaves(tx: Transaction<NoTables>, leaves: TrailTables['trail.leaf'][]): Promise<void> {
  for (let at = 0; at < leaves.length; at += CHUNK) {
    await q(tx)
      .insertInto('trail.leaf')
      .values(leaves.slice(at, at + CHUNK))
      .execute();
  }
}

export async function insertNodes(tx: Transaction<NoTables>, nodes: TreeNode[]): Promise<void> {
  for (let at = 0; at < nodes.length; at += CHUNK) {
    await q(tx)
      .insertInto('trail.node')
      .values(nodes.slice(at, at + CHUNK))
      .execute();
  }
}

/** The hashes at these places; a place without a row is left out. */
export async function readNodes(db: DbOrTx, at: readonly Coordinate[]): Promise<Map<string, Buffer>> {
  if (at.length === 0) return new Map();
  const levels = at.map((node) => node.level);
  const indexes = at.map((node) => node.index);
  const { rows } = await sql<{ level: number; index: number; hash: Buffer }>`
    select n.level, n.index, n.hash from unnest(${levels}::smallint[], ${indexes}::bigint[]) as w(level, index)
    join trail.node n on n.level = w.level and n.index = w.index`.execute(db);
  return new Map(rows.map((row) => [nodeKey(row), row.hash]));
}

export const nodeKey = (at: Coordinate): string => `${at.level}/${at.index}`;

/** An entry at its place. `bytes` is null when the ledger row is gone although the tree has it. */
export interface PlacedEntry {
  index: number;
  entryId: string;
  leafHash: Buffer;
  bytes: Buffer | null;
}

const placed = (db: DbOrTx) =>
  q(db)
    .selectFrom('trail.leaf as l')
    .innerJoin('trail.node as n', (join) => join.onRef('n.index', '=', 'l.index').on('n.level', '=', 0))
    .leftJoin('ledger.entry as e', 'e.seq', 'l.seq')
    .select(['l.index', 'l.entry_id as entryId', 'n.hash as leafHash', 'e.bytes']);

/** Entries with indexes in [from, to), in tree order. */
export async function entriesBetween(db: DbOrTx, from: number, to: number): Promise<PlacedEntry[]> {
  return placed(db).where('l.index', '>=', from).where('l.index', '<', to).orderBy('l.index').execute();
}

export interface EntryQuery {
  /** `kind:id`: entries about it or related to it */
  subjects?: string[];
  /** exact types, or the beginning of one up to a dot */
  types?: string[];
  since?: Date;
  until?: Date;
  before?: number;
  after?: number;
  order: 'oldest' | 'newest';
  limit: number;
}

function matching(db: DbOrTx, query: EntryQuery) {
  let rows = placed(db).where('e.bytes', 'is not', null);
  const { subjects, types } = query;
  if (subjects) {
    rows = rows.where(sql<boolean>`(e.subject = any(${subjects}::text[]) or e.related && ${subjects}::text[])`);
  }
  if (types) {
    rows = rows.where(
      sql<boolean>`exists (select from unnest(${types}::text[]) as t where e.type = t or starts_with(e.type, t || '.'))`,
    );
  }
  if (query.since) rows = rows.where('e.at', '>=', query.since);
  if (query.until) rows = rows.where('e.at', '<', query.until);
  return rows;
}

export async function findEntries(db: DbOrTx, query: EntryQuery): Promise<PlacedEntry[]> {
  let rows = matching(db, query);
  if (query.before !== undefined) rows = rows.where('l.index', '<', query.before);
  if (query.after !== undefined) rows = rows.where('l.index', '>', query.after);
  return rows
    .orderBy('l.index', query.order === 'newest' ? 'desc' : 'asc')
    .limit(query.limit)
    .execute();
}

export async function countEntries(db: DbOrTx, query: EntryQuery): Promise<number> {
  const row = await matching(db, query)
    .clearSelect()
    .select((e) => e.fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow();
  return row.n;
}

/** Main things of entries of these types, each once, as its newest such entry names it. */
export async function subjectsOfType(
  db: DbOrTx,
  types: string[],
): Promise<{ id: string; name: string | null; at: Date }[]> {
  const { rows } = await sql<{ id: string; name: string | null; at: Date }>`
    select distinct on (e.subject) substr(e.subject, strpos(e.subject, ':') + 1) as id, e.at,
      coalesce(d.entry #>> '{detail,title}', d.entry #>> '{subject,name}') as name
    from ledger.entry e join trail.leaf l on l.seq = e.seq,
      lateral (select convert_from(e.bytes, 'UTF8')::jsonb as entry) d
    where e.type = any(${types}::text[]) order by e.subject, e.seq desc`.execute(db);
  return rows;
}

export async function readKey(db: DbOrTx): Promise<TrailTables['trail.key'] | null> {
  return (await q(db).selectFrom('trail.key').selectAll().executeTakeFirst()) ?? null;
}

export async function insertKey(tx: Transaction<NoTables>, key: TrailTables['trail.key']): Promise<void> {
  await q(tx).insertInto('trail.key').values(key).execute();
}

export interface RenderedDocument {
  kind: string;
  id: string;
  title: string;
  at: Date;
  entries: number;
  files: { path: string; sha256: string }[];
}

export async function renderedDocuments(db: DbOrTx): Promise<RenderedDocument[]> {
  return q(db).selectFrom('trail.document').selectAll().orderBy('at', 'desc').execute();
}

export async function renderedDocument(db: DbOrTx, kind: string, id: string): Promise<RenderedDocument | null> {
  const row = await q(db)
    .selectFrom('trail.document')
    .selectAll()
    .where('kind', '=', kind)
    .where('id', '=', id)
    .executeTakeFirst();
  return row ?? null;
}

export async function upsertDocument(tx: Transaction<NoTables>, document: RenderedDocument): Promise<void> {
  const row = { ...document, files: JSON.stringify(document.files) };
  await q(tx)
    .insertInto('trail.document')
    .values(row)
    .onConflict((c) => c.columns(['kind', 'id']).doUpdateSet(row))
    .execute();
}

/** Entries that are neither in the tree nor waiting for it: somebody took them out of the sequencer's way. */
export async function withheldEntries(db: DbOrTx): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select e.id from ledger.entry e
    where not exists (select from trail.leaf l where l.seq = e.seq)
      and not exists (select from ledger.unsequenced u where u.seq = e.seq)
    order by e.seq limit 100`.execute(db);
  return rows.map((row) => row.id);
}
