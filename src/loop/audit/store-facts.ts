import { type RawBuilder, sql } from 'kysely';
import { type Facts, SECTION_NAMES, type SectionName } from '../../model/facts.ts';
import { plainText } from '../../model/text.ts';
import type { Db, DbOrTx } from '../../platform/context.ts';
import type { LookedAt } from './face.ts';
import type { SectionMetas } from './logic/judge/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import { prepared } from '../../platform/db/prepared.ts';
import { q } from './tables.ts';

export interface HostFacts {
  sections: Partial<Facts>;
  meta: SectionMetas;
}

/** What is known of the host now; of some sections, or of all. */
export async function readFacts(db: DbOrTx, hostId: string, names?: readonly SectionName[]): Promise<HostFacts> {
  return (await readFactsOf(db, [hostId], names)).get(hostId) ?? { sections: {}, meta: {} };
}

/** The same of many hosts; those that nothing is known of are left out. */
export async function readFactsOf(
  db: DbOrTx,
  hostIds: readonly string[],
  names?: readonly SectionName[],
): Promise<Map<string, HostFacts>> {
  if (hostIds.length === 0) return new Map();
  const rows = await q(db)
    .selectFrom('audit.section as s')
    .leftJoin('audit.section_content as c', (join) =>
      join.onRef('c.name', '=', 's.name').onRef('c.hash', '=', 's.hash'),
    )
    .select(['s.host_id', 's.name', 's.hash', 's.version', 's.collected_at', 's.received_at', 's.error', 'c.data'])
    .where('s.host_id', '=', anyOf(hostIds))
    .where('s.name', 'in', names ?? SECTION_NAMES)
    .execute();
  return new Map([...Map.groupBy(rows, (row) => row.host_id)].map(([hostId, own]) => [hostId, toFacts(own)]));
}

/** Without what the sections hold: of packages alone that is thousands of lines. */
export async function readLooked(
  db: DbOrTx,
  hostIds: readonly string[],
  names: readonly SectionName[],
): Promise<LookedAt[]> {
  if (hostIds.length === 0) return [];
  const rows = await q(db)
    .selectFrom('audit.section as s')
    .leftJoin('audit.judged as j', 'j.host_id', 's.host_id')
    .select(['s.host_id', 's.name', 's.hash', 's.version', 's.collected_at', 's.received_at', 's.error', 'j.facts_at'])
    .where('s.host_id', '=', anyOf(hostIds))
    .where('s.name', 'in', names)
    .execute();
  return [...Map.groupBy(rows, (row) => row.host_id)].map(([hostId, own]) => ({
    hostId,
    meta: Object.fromEntries(own.map((row) => [row.name, metaOf(row)])),
    judgedUntil: own[0]?.facts_at?.toISOString() ?? null,
  }));
}

interface MetaRow {
  name: string;
  hash: string | null;
  version: number;
  collected_at: Date;
  received_at: Date;
  error: string | null;
}

const metaOf = (row: MetaRow): SectionMetas[SectionName] & {} => ({
  version: row.version,
  hash: row.hash ?? '',
  collectedAt: row.collected_at.toISOString(),
  receivedAt: row.received_at.toISOString(),
  error: row.error,
});

function toFacts(rows: readonly (MetaRow & { data: unknown })[]): HostFacts {
  const meta: SectionMetas = {};
  const sections: Record<string, unknown> = {};
  for (const row of rows) {
    const name = row.name as SectionName;
    if (row.hash !== null) sections[name] = row.data;
    meta[name] = metaOf(row);
  }
  return { sections: sections as Partial<Facts>, meta };
}

/** One writer a host at a time, until the transaction ends. */
export async function lockHost(db: DbOrTx, hostId: string): Promise<void> {
  await sql`${prepared}select pg_advisory_xact_lock(hashtextextended(${`audit ${hostId}`}, 0))`.execute(db);
}

/** Which of these contents are stored already? They stay until the transaction ends: it may come to refer to them. */
export async function knownContents(
  db: DbOrTx,
  wanted: readonly { name: string; hash: string }[],
): Promise<Set<string>> {
  if (wanted.length === 0) return new Set();
  const rows = await q(db)
    .selectFrom('audit.section_content')
    .select(['name', 'hash'])
    .where((e) => e.or(wanted.map((one) => e.and([e('name', '=', one.name), e('hash', '=', one.hash)]))))
    .forKeyShare()
    .execute();
  return new Set(rows.map((row) => contentKey(row)));
}

export const contentKey = (one: { name: string; hash: string }): string => `${one.name} ${one.hash}`;

/** A section's content as it is stored. */
export interface Content {
  name: SectionName;
  hash: string;
  /** JSON */
  text: string;
  /** of packages: which kinds there are; asked of every host by each question about the estate */
  ecosystems: string[] | null;
}

export async function putContents(db: DbOrTx, contents: readonly Content[], at: Date): Promise<void> {
  if (contents.length === 0) return;
  // In one order everywhere: hosts that are alike send the same contents at the same time.
  const ordered = contents.toSorted((a, b) => (contentKey(a) < contentKey(b) ? -1 : 1));
  await q(db)
    .insertInto('audit.section_content')
    .values(ordered.map(({ text, ...one }) => ({ ...one, data: text, first_seen: at })))
    // Not "do nothing": the row that is there must not be removed before this transaction refers to it. No column of its
    // key, or it would wait for all who refer to it.
    .onConflict((c) =>
      c.columns(['name', 'hash']).doUpdateSet((e) => ({ first_seen: e.ref('audit.section_content.first_seen') })),
    )
    .execute();
}

export interface SectionState {
  name: SectionName;
  version: number;
  collectedAt: Date;
}

/** What the host has now, by section; null: it was never collected without an error. */
export async function hashesOf(db: DbOrTx, hostId: string): Promise<Map<string, string | null>> {
  const rows = await q(db).selectFrom('audit.section').select(['name', 'hash']).where('host_id', '=', hostId).execute();
  return new Map(rows.map((row) => [row.name, row.hash]));
}

/**
 * These contents are what the host has now; the history hears only of those that are others than before. Returns their
 * names, and the hashes of before.
 */
export async function setSections(
  db: DbOrTx,
  hostId: string,
  sections: readonly (SectionState & { hash: string })[],
  at: Date,
): Promise<{ changed: SectionName[]; before: ReadonlyMap<string, string | null> }> {
  if (sections.length === 0) return { changed: [], before: await hashesOf(db, hostId) };
  // One statement: each part sees what was there before all of them.
  const { rows } = await sql<{ name: string; hash: string | null }>`${prepared}
    with sent as materialized (select * from unnest(${sections.map(({ name }) => name)}::text[],
        ${sections.map(({ hash }) => hash)}::text[], ${sections.map(({ version }) => version)}::integer[],
        ${sections.map(({ collectedAt }) => collectedAt)}::timestamptz[]) as n (name, hash, version, collected_at)),
      before as materialized (select name, hash, received_at from audit.section where host_id = ${hostId}),
      reported as (insert into audit.host_report (host_id, reported_at)
        select ${hostId}, greatest(${at}, max(b.received_at)) from before b
        where b.hash is not null and b.name not in (select name from sent)
        on conflict (host_id) do update set reported_at = excluded.reported_at),
      put as (insert into audit.section (host_id, name, hash, version, collected_at, received_at, error)
        select ${hostId}, name, hash, version, collected_at, ${at}, null from sent
        on conflict (host_id, name) do update set hash = excluded.hash, version = excluded.version,
          collected_at = excluded.collected_at, received_at = excluded.received_at, error = excluded.error),
      told as (insert into audit.section_history (host_id, name, hash, at)
        select ${hostId}, s.name, s.hash, ${at} from sent s left join before b on b.name = s.name
        where b.hash is distinct from s.hash)
    select name, hash from before`.execute(db);
  const before = new Map(rows.map(({ name, hash }) => [name, hash]));
  return { changed: sections.filter(({ name, hash }) => before.get(name) !== hash).map(({ name }) => name), before };
}

/** It could not be collected: what was known stays, with its time. */
export async function noteSectionError(
  db: DbOrTx,
  hostId: string,
  section: SectionState,
  why: string,
  at: Date,
): Promise<void> {
  const error = plainText(why);
  await q(db)
    .insertInto('audit.section')
    .values({
      host_id: hostId,
      name: section.name,
      hash: null,
      version: section.version,
      collected_at: section.collectedAt,
      received_at: at,
      error,
    })
    .onConflict((c) => c.columns(['host_id', 'name']).doUpdateSet({ error }))
    .execute();
}

export async function askFacts(db: DbOrTx, hostId: string, at: Date): Promise<void> {
  await q(db)
    .insertInto('audit.facts_request')
    .values({ host_id: hostId, asked_at: at })
    .onConflict((c) => c.column('host_id').doUpdateSet({ asked_at: at }))
    .execute();
}

export async function takeRequest(db: DbOrTx, hostId: string): Promise<boolean> {
  const taken = await q(db).deleteFrom('audit.facts_request').where('host_id', '=', hostId).executeTakeFirst();
  return taken.numDeletedRows > 0n;
}

/** Files of these hosts that hold or held one of these keys, as far back as the history goes. */
export async function filesThatHeld(
  db: DbOrTx,
  hostIds: readonly string[],
  spkis: readonly string[],
): Promise<{ hostId: string; path: string; spki: string }[]> {
  if (hostIds.length === 0 || spkis.length === 0) return [];
  const { rows } = await sql<{ host_id: string; path: string; spki: string }>`
    select distinct h.host_id, f ->> 'path' as path, f ->> 'spki' as spki
    from audit.section_history h
    join audit.section_content c on c.name = h.name and c.hash = h.hash
    cross join jsonb_array_elements(c.data) f
    where h.name = 'certificates' and h.host_id = ${anyOf(hostIds)} and f ->> 'spki' = ${anyOf(spkis)}`.execute(db);
  return rows.map((row) => ({ hostId: row.host_id, path: row.path, spki: row.spki }));
}

/** What the host had at that time of these sections, as far back as the history goes. */
export async function factsAt(
  db: DbOrTx,
  hostId: string,
  names: readonly SectionName[],
  at: Date,
): Promise<Partial<Facts>> {
  const { rows } = await sql<{ name: string; data: unknown }>`
    select distinct on (h.name) h.name, c.data
    from audit.section_history h join audit.section_content c on c.name = h.name and c.hash = h.hash
    where h.host_id = ${hostId} and h.name = ${anyOf(names)} and h.at <= ${at}
    order by h.name, h.at desc, h.id desc`.execute(db);
  return Object.fromEntries(rows.map(({ name, data }) => [name, data])) as Partial<Facts>;
}

/** Removal goes in steps, so that no statement holds its locks for long. */
const BATCH = 2000;

/** Earlier facts from before that time, of these sections or of all others. What was in force then stays. */
export async function removeFactHistory(
  db: Db,
  before: Date,
  which: { only: readonly SectionName[] } | { besides: readonly SectionName[] },
): Promise<number> {
  const named = 'only' in which ? sql`h.name = ${anyOf(which.only)}` : sql`not (h.name = ${anyOf(which.besides)})`;
  return inBatches(
    db,
    sql`delete from audit.section_history where id in (
      select h.id from audit.section_history h where h.at < ${before} and ${named}
        and exists (select from audit.section_history n
          where n.host_id = h.host_id and n.name = h.name and n.at <= ${before} and n.id > h.id)
      limit ${BATCH})`,
  );
}

/** Contents that no host has, now or in what is left of its history. `before`: one that just came may be on its way in. */
export async function removeContents(db: Db, before: Date): Promise<number> {
  return inBatches(
    db,
    sql`delete from audit.section_content where (name, hash) in (
      select c.name, c.hash from audit.section_content c where c.first_seen < ${before}
        and not exists (select from audit.section s where s.name = c.name and s.hash = c.hash)
        and not exists (select from audit.section_history h where h.name = c.name and h.hash = c.hash)
      limit ${BATCH} for update skip locked)`,
  );
}

/** Lists that no host has, nor had since then, and what feeds said before then and do not say any more. */
export async function removeListHistory(db: Db, before: Date): Promise<number> {
  return (
    (await inBatches(
      db,
      sql`delete from audit.host_list where (host_id, section, since) in (
        select host_id, section, since from audit.host_list where until < ${before} limit ${BATCH})`,
    )) +
    (await inBatches(
      db,
      sql`delete from audit.match where id in (select id from audit.match where until < ${before} limit ${BATCH})`,
    )) +
    (await inBatches(
      db,
      sql`delete from audit.package_list where id in (select l.id from audit.package_list l
        where not exists (select from audit.host_list h where h.list_id = l.id) limit ${BATCH} for update skip locked)`,
    )) +
    (await inBatches(
      db,
      sql`delete from audit.process_use where id in (select u.id from audit.process_use u
        where not exists (select from audit.host_system s where s.use_id = u.id) limit ${BATCH} for update skip locked)`,
    ))
  );
}

async function inBatches(db: Db, remove: RawBuilder<unknown>): Promise<number> {
  for (let total = 0; ;) {
    const count = Number((await remove.execute(db)).numAffectedRows ?? 0n);
    total += count;
    if (count < BATCH) return total;
  }
}
