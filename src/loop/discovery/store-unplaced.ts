import { sql } from 'kysely';
import type { SourceRecord } from '../../model/source.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { jsonText } from '../../platform/db/json-text.ts';
import { anyOf } from '../../platform/db/many.ts';

export type Unplaced = Pick<SourceRecord, 'id' | 'name' | 'identifiers' | 'guess'>;

/** What a source told last counts; of what it told before, too, since when. */
export async function putUnplaced(
  db: DbOrTx,
  sourceId: string,
  records: readonly Unplaced[],
  now: Date,
): Promise<void> {
  const once = new Map(records.map((record) => [record.id, record]));
  const rows = [...once.values()].map(({ id, name, identifiers, guess }) => ({
    record: id,
    name: name ?? null,
    identifiers: (identifiers ?? []).map(({ kind, value }) => `${kind}:${value}`),
    what: guess ?? null,
  }));
  await sql`delete from discovery.unplaced
    where source_id = ${sourceId} and not (record = ${anyOf(rows.map(({ record }) => record))})`.execute(db);
  await sql`insert into discovery.unplaced (source_id, record, name, identifiers, what, since)
    select ${sourceId}, record, name, identifiers, what, ${now}
    from jsonb_to_recordset(${jsonText(rows)}::jsonb) as told (record text, name text, identifiers text[], what text)
    on conflict (source_id, record) do update
    set name = excluded.name, identifiers = excluded.identifiers, what = excluded.what
    where (unplaced.name, unplaced.identifiers, unplaced.what)
      is distinct from (excluded.name, excluded.identifiers, excluded.what)`.execute(db);
}

export interface Nowhere {
  source: string;
  record: string;
  name: string | null;
  what: string | null;
}

/** Those that no host is known for: by what the source calls them elsewhere, or by their name. */
export async function unplaced(db: DbOrTx): Promise<Nowhere[]> {
  const { rows } = await sql<Nowhere>`
    select s.name as source, u.record, u.name, u.what
    from discovery.unplaced u
    join discovery.source s on s.id = u.source_id
    where not exists (
        select from discovery.identifier i join discovery.host h on h.id = i.host_id
        where i.kind || ':' || i.value = any (u.identifiers) and h.superseded_by is null)
      and not exists (
        select from discovery.host h where h.superseded_by is null and u.name in (h.name, split_part(h.name, '.', 1)))
    order by s.name, coalesce(u.name, u.record), u.record`.execute(db);
  return rows;
}
