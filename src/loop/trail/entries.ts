import type { Entry, SequencedEntry } from '../../model/trail.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { countEntries, findEntries, type EntryQuery, type PlacedEntry } from './store.ts';

/** Null where the bytes are no JSON any more: `verify` names such an entry, listings pass it over. */
export function toSequenced(row: PlacedEntry): SequencedEntry | null {
  if (!row.bytes) return null;
  try {
    const entry = JSON.parse(row.bytes.toString('utf8')) as Entry;
    return { index: row.index, leafHash: row.leafHash.toString('hex'), entry };
  } catch {
    return null;
  }
}

export async function readEntries(db: DbOrTx, query: EntryQuery): Promise<SequencedEntry[]> {
  return (await findEntries(db, query)).flatMap((row) => toSequenced(row) ?? []);
}

export async function readPage(db: DbOrTx, query: EntryQuery): Promise<{ items: SequencedEntry[]; total: number }> {
  const [items, total] = await Promise.all([readEntries(db, query), countEntries(db, query)]);
  return { items, total };
}

/** `host:ID` as it stands; a bare id tells its kind by its prefix (`host_…`). */
export function subjectKeyOf(text: string): string {
  return text.includes(':') ? text : `${text.split('_')[0]}:${text}`;
}
