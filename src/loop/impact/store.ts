import type { JSONColumnType, Transaction } from 'kysely';
import type { Exception } from '../../model/finding.ts';
import type { DbOrTx, NoTables } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import type { Observed, StoredEdge } from './logic/connections.ts';

export type ImpactTables = {
  'impact.dependency': {
    id: string;
    client_host_id: string;
    client_unit: string | null;
    server_host_id: string;
    server_unit: string | null;
    address: string;
    port: number;
    connections: number;
    first_seen: Date;
    last_seen: Date;
  };
  'impact.exception': {
    id: string;
    match: JSONColumnType<Exception['match']>;
    reason: string;
    owner: string;
    control: string | null;
    expires_at: Date;
    created_at: Date;
    created_by: string;
    ended_at: Date | null;
    end_reason: string | null;
  };
};
const q = (db: DbOrTx) => db.withTables<ImpactTables>();

export type DependencyRow = StoredEdge & { firstSeen: Date; lastSeen: Date };

function toEdge(row: ImpactTables['impact.dependency']): DependencyRow {
  return {
    id: row.id,
    clientHostId: row.client_host_id,
    clientUnit: row.client_unit,
    serverHostId: row.server_host_id,
    serverUnit: row.server_unit,
    address: row.address,
    port: row.port,
    connections: row.connections,
    firstSeen: row.first_seen,
    lastSeen: row.last_seen,
  };
}

/** Dependencies of one host (as client or server), or all. */
export async function dependencyRows(db: DbOrTx, hostId?: string): Promise<DependencyRow[]> {
  let rows = q(db).selectFrom('impact.dependency').selectAll();
  if (hostId !== undefined) {
    rows = rows.where((e) => e.or([e('client_host_id', '=', hostId), e('server_host_id', '=', hostId)]));
  }
  return (await rows.orderBy('id').execute()).map(toEdge);
}

/** The same, kept from changing until the transaction ends: two hosts may report about one connection at once. */
export async function lockDependencies(tx: Transaction<NoTables>, hostId: string): Promise<StoredEdge[]> {
  const rows = await q(tx)
    .selectFrom('impact.dependency')
    .selectAll()
    .where((e) => e.or([e('client_host_id', '=', hostId), e('server_host_id', '=', hostId)]))
    .orderBy('id')
    .forUpdate()
    .execute();
  return rows.map(toEdge);
}

export async function upsertDependency(
  tx: Transaction<NoTables>,
  id: string,
  edge: Observed,
  seen: Date,
): Promise<void> {
  const row = {
    id,
    client_host_id: edge.clientHostId,
    client_unit: edge.clientUnit,
    server_host_id: edge.serverHostId,
    server_unit: edge.serverUnit,
    address: edge.address,
    port: edge.port,
    connections: edge.connections,
    first_seen: seen,
    last_seen: seen,
  };
  await q(tx)
    .insertInto('impact.dependency')
    .values(row)
    .onConflict((c) =>
      c
        .columns(['client_host_id', 'client_unit', 'server_host_id', 'address', 'port'])
        .doUpdateSet({ server_unit: row.server_unit, connections: row.connections, last_seen: seen }),
    )
    .execute();
}

export async function silence(tx: Transaction<NoTables>, ids: string[]): Promise<void> {
  if (ids.length === 0) return;
  await q(tx).updateTable('impact.dependency').set({ connections: 0 }).where('id', 'in', ids).execute();
}

export async function removeDependencies(tx: Transaction<NoTables>, ids: string[]): Promise<void> {
  if (ids.length > 0) await q(tx).deleteFrom('impact.dependency').where('id', 'in', ids).execute();
}

function toException(row: Omit<ImpactTables['impact.exception'], 'match'> & { match: Exception['match'] }): Exception {
  return {
    id: row.id,
    match: row.match,
    reason: row.reason,
    owner: row.owner,
    control: row.control,
    expiresAt: row.expires_at.toISOString(),
    createdAt: row.created_at.toISOString(),
    createdBy: row.created_by,
    endedAt: row.ended_at?.toISOString() ?? null,
    endReason: row.end_reason,
  };
}

export async function exceptionRows(db: DbOrTx, filter: { active?: boolean } = {}): Promise<Exception[]> {
  let rows = q(db).selectFrom('impact.exception').selectAll();
  if (filter.active !== undefined) rows = rows.where('ended_at', filter.active ? 'is' : 'is not', null);
  return (await rows.orderBy('created_at', 'desc').orderBy('id', 'desc').execute()).map(toException);
}

/** The exception while it stands, locked, so that it is ended once only. */
export async function lockActive(tx: Transaction<NoTables>, id: string): Promise<Exception | null> {
  const row = await q(tx)
    .selectFrom('impact.exception')
    .selectAll()
    .where('id', '=', id)
    .where('ended_at', 'is', null)
    .forUpdate()
    .executeTakeFirst();
  return row ? toException(row) : null;
}

/** Until when each of these stands, or was to. */
export async function exceptionEnds(db: DbOrTx, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await q(db)
    .selectFrom('impact.exception')
    .select(['id', 'expires_at'])
    .where('id', '=', anyOf(ids))
    .execute();
  return new Map(rows.map((row) => [row.id, row.expires_at.toISOString()]));
}

export async function exceptionById(db: DbOrTx, id: string): Promise<Exception | null> {
  const row = await q(db).selectFrom('impact.exception').selectAll().where('id', '=', id).executeTakeFirst();
  return row ? toException(row) : null;
}

export async function insertException(tx: Transaction<NoTables>, exception: Exception): Promise<void> {
  await q(tx)
    .insertInto('impact.exception')
    .values({
      id: exception.id,
      match: JSON.stringify(exception.match),
      reason: exception.reason,
      owner: exception.owner,
      control: exception.control,
      expires_at: new Date(exception.expiresAt),
      created_at: new Date(exception.createdAt),
      created_by: exception.createdBy,
      ended_at: null,
      end_reason: null,
    })
    .execute();
}

export async function endException(tx: Transaction<NoTables>, id: string, at: Date, reason: string): Promise<void> {
  await q(tx).updateTable('impact.exception').set({ ended_at: at, end_reason: reason }).where('id', '=', id).execute();
}
