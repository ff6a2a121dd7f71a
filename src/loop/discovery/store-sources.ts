import { sql } from 'kysely';
import type { Source, SourceCounts } from '../../model/source.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import { type DiscoveryTables, q } from './tables.ts';

/** A worker that has taken nothing in for so long is dead: longer than one answer may be waited for. */
const FORGOTTEN_MS = 10 * 60_000;

const selectSources = (db: DbOrTx) =>
  q(db)
    .selectFrom('discovery.source as s')
    .leftJoin('discovery.source_run as r', 'r.source_id', 's.id')
    .leftJoin('discovery.source_push as p', 'p.source_id', 's.id')
    .selectAll('s')
    .select(['p.secret_id as push_secret_id', 'p.actor as push_actor'])
    .select(['r.running_since', 'r.last_run_at', 'r.last_ok_at', 'r.last_error', 'r.counts'])
    .orderBy('s.name');
export type SourceRow = Awaited<ReturnType<ReturnType<typeof selectSources>['execute']>>[number];

export const sourceRows = (db: DbOrTx): Promise<SourceRow[]> => selectSources(db).execute();

/** By id or by name. */
export async function sourceRow(db: DbOrTx, ref: string): Promise<SourceRow | undefined> {
  return selectSources(db)
    .where((e) => e.or([e('s.id', '=', ref), e('s.name', '=', ref)]))
    .executeTakeFirst();
}

export function toSource(row: SourceRow, now: Date): Source {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    settings: row.settings,
    secrets: row.secret_names,
    every: row.every,
    state: stateOf(row, now),
    lastRunAt: row.last_run_at?.toISOString() ?? null,
    lastOkAt: row.last_ok_at?.toISOString() ?? null,
    lastError: row.last_error,
    counts: row.counts,
    createdAt: row.created_at.toISOString(),
    createdBy: row.created_by,
  };
}

export const isRunning = (row: Pick<SourceRow, 'running_since'>, now: Date): boolean =>
  row.running_since !== null && now.getTime() - row.running_since.getTime() < FORGOTTEN_MS;

function stateOf(row: SourceRow, now: Date): Source['state'] {
  // A file that waits is as good as being read.
  if (isRunning(row, now) || row.push_secret_id !== null) return 'running';
  if (row.last_error !== null) return 'failing';
  return row.last_ok_at === null ? 'new' : 'ok';
}

/** False when the name is taken. */
export async function insertSource(
  db: DbOrTx,
  row: Omit<DiscoveryTables['discovery.source'], 'settings' | 'secret_names'> & {
    settings: Record<string, string>;
    secret_names: string[];
  },
): Promise<boolean> {
  const done = await q(db)
    .insertInto('discovery.source')
    .values({ ...row, settings: JSON.stringify(row.settings), secret_names: JSON.stringify(row.secret_names) })
    .onConflict((c) => c.column('name').doNothing())
    .executeTakeFirst();
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export async function deleteSource(db: DbOrTx, id: string): Promise<void> {
  await q(db).deleteFrom('discovery.source').where('id', '=', id).execute();
}

/** False when somebody else is at it. */
export async function beginRun(db: DbOrTx, id: string, now: Date): Promise<boolean> {
  const done = await q(db)
    .insertInto('discovery.source_run')
    .values({ source_id: id, running_since: now, last_run_at: now, last_ok_at: null, last_error: null, counts: null })
    .onConflict((c) =>
      c
        .column('source_id')
        .doUpdateSet({ running_since: now, last_run_at: now })
        .where((e) =>
          e.or([
            e('discovery.source_run.running_since', 'is', null),
            e('discovery.source_run.running_since', '<', new Date(now.getTime() - FORGOTTEN_MS)),
          ]),
        ),
    )
    .executeTakeFirst();
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

/** It was not read to its end, and nothing is known to be wrong with it: the next one may begin at once. */
export async function leaveRun(db: DbOrTx, id: string): Promise<void> {
  await q(db).updateTable('discovery.source_run').set({ running_since: null }).where('source_id', '=', id).execute();
}

/** False when another file waits already. */
export async function insertPush(
  db: DbOrTx,
  row: Omit<DiscoveryTables['discovery.source_push'], 'actor'> & { actor: string },
): Promise<boolean> {
  const done = await q(db)
    .insertInto('discovery.source_push')
    .values(row)
    .onConflict((c) => c.column('source_id').doNothing())
    .executeTakeFirst();
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export async function deletePush(db: DbOrTx, id: string): Promise<void> {
  await q(db).deleteFrom('discovery.source_push').where('source_id', '=', id).execute();
}

/** It is being read still. */
export async function beat(db: DbOrTx, id: string, now: Date): Promise<void> {
  await q(db).updateTable('discovery.source_run').set({ running_since: now }).where('source_id', '=', id).execute();
}

export async function endRun(
  db: DbOrTx,
  id: string,
  outcome: { at: Date; counts: SourceCounts } | { error: string },
): Promise<void> {
  const set =
    'error' in outcome
      ? { running_since: null, last_error: outcome.error }
      : { running_since: null, last_error: null, last_ok_at: outcome.at, counts: JSON.stringify(outcome.counts) };
  await q(db).updateTable('discovery.source_run').set(set).where('source_id', '=', id).execute();
}

/** Which hosts were measured at those of these addresses where one was. */
export async function measuredAmong(db: DbOrTx, addresses: readonly string[]): Promise<Map<string, string>> {
  const rows = await q(db)
    .selectFrom('discovery.address')
    .select(['address', 'host_id'])
    .where('address', '=', anyOf(addresses))
    .where('current', '=', true)
    .where('how', '=', 'measured')
    .execute();
  return new Map(rows.map((row) => [row.address, row.host_id]));
}

/** Hosts that are called so in the cloud and of which nothing but lists have told, besides this one. */
export async function listedTwins(
  db: DbOrTx,
  hostId: string,
  cloudIds: readonly string[],
  lists: readonly string[],
): Promise<string[]> {
  if (cloudIds.length === 0) return [];
  const { rows } = await sql<{ id: string }>`
    select h.id from discovery.host h
    join discovery.identifier i on i.host_id = h.id and i.kind = 'cloud-id' and i.value = ${anyOf(cloudIds)}
    where h.id <> ${hostId} and h.superseded_by is null and h.management = 'unmanaged'
      and not exists (select from discovery.host_source s where s.host_id = h.id and not (s.source = ${anyOf(lists)}))
    order by h.id`.execute(db);
  return rows.map(({ id }) => id);
}
