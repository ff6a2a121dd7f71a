import { AppError } from '../../model/errors/index.ts';
import { sql } from 'kysely';
import type { Actor } from '../../model/actor.ts';
import { Entry, type Subject } from '../../model/trail.ts';
import type { EntryDraft, Tx } from '../context.ts';
import { jsonText } from '../db/json-text.ts';
import { chunks } from '../db/many.ts';
import { prepared } from '../db/prepared.ts';
import { newId } from '../ids.ts';
import { canonicalBytes, leafHash } from './canonical.ts';

/** How a subject stands in the columns that entries are found by. */
export function subjectKey(subject: Pick<Subject, 'kind' | 'id'>): string {
  return `${subject.kind}:${subject.id}`;
}

/** Puts one entry into the ledger within the caller's transaction. The bytes stored are the bytes hashed. */
export async function append(db: Tx['db'], actor: Actor, at: Date, draft: EntryDraft): Promise<string> {
  return (await appendAll(db, actor, at, [draft]))[0]!;
}

/** The same for many, in a few statements; in their order. */
export async function appendAll(
  db: Tx['db'],
  actor: Actor,
  at: Date,
  drafts: readonly EntryDraft[],
): Promise<string[]> {
  const entries = drafts.map((draft) => complete(actor, at, draft));
  for (const some of chunks(entries, 1000)) {
    const rows = some.map(rowOf);
    const of = <K extends keyof Row>(key: K): Row[K][] => rows.map((row) => row[key]);
    await sql`${prepared}
      insert into ledger.entry (id, at, type, subject, related, actor_id, bytes, leaf_hash)
      select id, ${at}, type, subject, array(select jsonb_array_elements_text(related)), ${actor.id}, bytes, leaf_hash
      from unnest(${of('id')}::text[], ${of('type')}::text[], ${of('subject')}::text[], ${of('related')}::jsonb[],
        ${of('bytes')}::bytea[], ${of('leaf_hash')}::bytea[]) with ordinality
        t (id, type, subject, related, bytes, leaf_hash, place)
      order by place`.execute(db);
  }
  return entries.map(({ id }) => id);
}

type Row = ReturnType<typeof rowOf>;

function rowOf(entry: Entry) {
  const bytes = canonicalBytes(entry);
  return {
    id: entry.id,
    type: entry.type,
    subject: subjectKey(entry.subject),
    related: JSON.stringify([...new Set(entry.related.map(subjectKey))]),
    bytes,
    leaf_hash: leafHash(bytes),
  };
}

function complete(actor: Actor, at: Date, draft: EntryDraft): Entry {
  const raw = {
    v: 1,
    id: newId('entry'),
    at: at.toISOString(),
    actor,
    type: draft.type,
    subject: draft.subject,
    related: draft.related ?? [],
    reason: draft.reason ?? null,
    detail: draft.detail ?? null,
  };
  // Leaves out what JSON cannot hold (undefined members) and makes texts of hosts ones that have canonical bytes, so that
  // what is checked is what is stored.
  const parsed = Entry.safeParse(JSON.parse(jsonText(raw)));
  if (parsed.success) return parsed.data;
  const why = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  throw new AppError('ENTRY_INVALID', { type: draft.type, why }, { cause: parsed.error });
}
