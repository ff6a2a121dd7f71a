import { sql } from 'kysely';
import type { Entry, Subject } from '../../model/trail.ts';
import type { DbOrTx, Tx } from '../context.ts';
import { subjectKey } from './append.ts';
import { q } from './tables.ts';

/** An entry as it lies in the ledger. `bytes` is the truth; `entry` is what they say. */
export interface LedgerEntry {
  seq: number;
  id: string;
  bytes: Buffer;
  leafHash: Buffer;
  entry: Entry;
}

export interface EntryFilter {
  /** the main thing of the entry */
  subject?: Pick<Subject, 'kind' | 'id'>;
  /** the main thing or one of the related ones: a thing's whole history */
  about?: Pick<Subject, 'kind' | 'id'>;
  /** exact types, or prefixes that end in a dot: `change.` */
  types?: string[];
  actorId?: string;
  since?: Date;
  until?: Date;
  /** entries after this sequence number (oldest first), or before it (newest first) */
  after?: number;
  before?: number;
  order?: 'oldest' | 'newest';
  limit?: number;
}

interface Row {
  seq: number;
  id: string;
  bytes: Buffer;
  leaf_hash: Buffer;
}

const COLUMNS = ['e.seq', 'e.id', 'e.bytes', 'e.leaf_hash'] as const;

function toEntry(row: Row): LedgerEntry {
  const entry = JSON.parse(row.bytes.toString('utf8')) as Entry;
  return { seq: row.seq, id: row.id, bytes: row.bytes, leafHash: row.leaf_hash, entry };
}

/**
 * Committed entries without a place in the tree, oldest first; locked for the sequencer's transaction. What one entry
 * caused always comes after it. Give them their indexes, then call `markSequenced` in the same transaction.
 */
export async function readUnsequenced(tx: Tx['db'], limit: number): Promise<LedgerEntry[]> {
  const rows = await q(tx)
    .selectFrom('ledger.unsequenced as u')
    .innerJoin('ledger.entry as e', 'e.seq', 'u.seq')
    .select(COLUMNS)
    .orderBy('u.seq')
    .limit(limit)
    .execute();
  return rows.map(toEntry);
}

export async function markSequenced(tx: Tx['db'], seqs: number[]): Promise<void> {
  if (seqs.length)
    await q(tx)
      .deleteFrom('ledger.unsequenced')
      .where('seq', '=', sql<number>`any(${seqs})`)
      .execute();
}

export async function countUnsequenced(db: DbOrTx): Promise<number> {
  const row = await q(db)
    .selectFrom('ledger.unsequenced')
    .select((e) => e.fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow();
  return row.n;
}

/** The newest committed entry without a place in the tree, as a sequence number; null when each has its place. */
export async function lastUnsequenced(db: DbOrTx): Promise<number | null> {
  const row = await q(db)
    .selectFrom('ledger.unsequenced')
    .select((e) => e.fn.max<number | null>('seq').as('seq'))
    .executeTakeFirstOrThrow();
  return row.seq;
}

/** Have all committed entries up to this sequence number their places? */
export async function isSequenced(db: DbOrTx, seq: number): Promise<boolean> {
  const row = await q(db)
    .selectFrom('ledger.unsequenced')
    .select('seq')
    .where('seq', '<=', seq)
    .limit(1)
    .executeTakeFirst();
  return row === undefined;
}

export async function entryById(db: DbOrTx, id: string): Promise<LedgerEntry | null> {
  const row = await q(db).selectFrom('ledger.entry as e').select(COLUMNS).where('e.id', '=', id).executeTakeFirst();
  return row ? toEntry(row) : null;
}

/** Committed entries after a sequence number; a lower number may still commit later, so do not use it as a cursor for
 * "everything": that is what `readUnsequenced` is for. */
export async function entriesAfter(db: DbOrTx, seq: number, limit: number): Promise<LedgerEntry[]> {
  return listEntries(db, { after: seq, limit, order: 'oldest' });
}

export async function listEntries(db: DbOrTx, filter: EntryFilter = {}): Promise<LedgerEntry[]> {
  let query = q(db).selectFrom('ledger.entry as e').select(COLUMNS);
  if (filter.subject) query = query.where('e.subject', '=', subjectKey(filter.subject));
  if (filter.about) {
    const key = subjectKey(filter.about);
    query = query.where((e) => e.or([e('e.subject', '=', key), sql<boolean>`e.related @> array[${key}]::text[]`]));
  }
  if (filter.types) query = query.where(typeCondition(filter.types));
  if (filter.actorId) query = query.where('e.actor_id', '=', filter.actorId);
  if (filter.since) query = query.where('e.at', '>=', filter.since);
  if (filter.until) query = query.where('e.at', '<', filter.until);
  if (filter.after !== undefined) query = query.where('e.seq', '>', filter.after);
  if (filter.before !== undefined) query = query.where('e.seq', '<', filter.before);
  const direction = filter.order === 'newest' ? 'desc' : 'asc';
  const rows = await query
    .orderBy('e.seq', direction)
    .limit(filter.limit ?? 1000)
    .execute();
  return rows.map(toEntry);
}

function typeCondition(types: string[]) {
  const exact = types.filter((type) => !type.endsWith('.'));
  const prefixes = types.filter((type) => type.endsWith('.'));
  return sql<boolean>`(e.type = any(${exact}::text[]) or exists (
    select from unnest(${prefixes}::text[]) as p where starts_with(e.type, p)))`;
}
