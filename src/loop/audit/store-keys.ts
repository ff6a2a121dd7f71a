import { sql } from 'kysely';
import type { Exposure } from '../../model/finding.ts';
import type { DbOrTx } from '../../platform/context.ts';
import type { KeyPlace, NewExposure } from './logic/radar.ts';
import { jsonText } from '../../platform/db/json-text.ts';
import { q, type AuditTables } from './tables.ts';

const keyOf = (one: Pick<KeyPlace, 'kind' | 'place' | 'spki'>): string => `${one.kind}\n${one.place}\n${one.spki}`;

/** Where this host has which key now. Writes only what is different. */
export async function syncKeys(db: DbOrTx, hostId: string, places: readonly KeyPlace[], at: Date): Promise<void> {
  const known = await q(db).selectFrom('audit.key').selectAll().where('host_id', '=', hostId).execute();
  const wanted = new Map(places.map((one) => [keyOf(one), one]));
  const since = new Map(known.map((row) => [keyOf(row), row.since]));
  for (const row of known) {
    const now = wanted.get(keyOf(row));
    const same =
      now?.endpointId === row.endpoint_id &&
      now.hostName === row.host_name &&
      now.certificate?.fingerprint === row.certificate?.fingerprint;
    if (same) {
      wanted.delete(keyOf(row));
      continue;
    }
    await q(db)
      .deleteFrom('audit.key')
      .where('host_id', '=', hostId)
      .where('kind', '=', row.kind)
      .where('place', '=', row.place)
      .where('spki', '=', row.spki)
      .execute();
  }
  if (wanted.size === 0) return;
  const values = [...wanted.values()].map((one) => ({
    host_id: hostId,
    host_name: one.hostName,
    kind: one.kind,
    place: one.place,
    spki: one.spki,
    endpoint_id: one.endpointId,
    certificate: (one.certificate ? jsonText(one.certificate) : null) as string,
    since: since.has(keyOf(one)) ? since.get(keyOf(one))! : at,
  }));
  await q(db).insertInto('audit.key').values(values).execute();
}

/** A host whose place another took has no keys any more. */
export async function forgetKeys(db: DbOrTx, hostIds: readonly string[]): Promise<void> {
  if (hostIds.length > 0)
    await q(db)
      .deleteFrom('audit.key')
      .where('host_id', 'in', [...hostIds])
      .execute();
}

export async function placesOfKeys(db: DbOrTx, spkis: readonly string[]): Promise<KeyPlace[]> {
  if (spkis.length === 0) return [];
  const rows = await q(db)
    .selectFrom('audit.key')
    .selectAll()
    .where('spki', 'in', [...spkis])
    .orderBy('place')
    .execute();
  return rows.map((row) => ({
    kind: row.kind,
    hostId: row.host_id,
    hostName: row.host_name,
    place: row.place,
    endpointId: row.endpoint_id,
    spki: row.spki,
    certificate: row.certificate,
  }));
}

type ExposureRow = Omit<AuditTables['audit.exposure'], 'crl_urls'> & { crl_urls: string[] };

function toExposure(row: ExposureRow): Exposure {
  return {
    id: row.id,
    kit: row.kit,
    hostId: row.host_id,
    endpointId: row.endpoint_id,
    endpoint: row.endpoint,
    spki: row.spki,
    serial: row.serial,
    issuer: row.issuer,
    fingerprint: row.fingerprint,
    crlUrls: row.crl_urls,
    cause: row.cause,
    via: row.via,
    openedAt: row.opened_at.toISOString(),
  };
}

export async function exposureRows(
  db: DbOrTx,
  filter: { kit?: string; hostId?: string; spkis?: readonly string[] } = {},
): Promise<Exposure[]> {
  if (filter.spkis?.length === 0) return [];
  let rows = q(db).selectFrom('audit.exposure').selectAll();
  if (filter.kit !== undefined) rows = rows.where('kit', '=', filter.kit);
  if (filter.hostId !== undefined) rows = rows.where('host_id', '=', filter.hostId);
  if (filter.spkis) rows = rows.where('spki', 'in', [...filter.spkis]);
  return (await rows.orderBy('id').execute()).map(toExposure);
}

/** False when that certificate of that listener is known to be exposed already. */
export async function insertExposure(db: DbOrTx, id: string, exposure: NewExposure, at: Date): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await q(db)
    .insertInto('audit.exposure')
    .values({
      id,
      kit: exposure.kit,
      host_id: exposure.hostId,
      endpoint_id: exposure.endpointId,
      endpoint: exposure.endpoint,
      spki: exposure.spki,
      serial: exposure.serial,
      issuer: exposure.issuer,
      fingerprint: exposure.fingerprint,
      crl_urls: jsonText(exposure.crlUrls),
      cause: exposure.cause,
      via: exposure.via,
      opened_at: at,
    })
    .onConflict((c) => c.columns(['kit', 'endpoint', 'fingerprint']).doNothing())
    .executeTakeFirst();
  return (numInsertedOrUpdatedRows ?? 0n) > 0n;
}

/** The listeners at these places belong to another record now; returns the exposures that came along. */
export async function moveExposures(
  db: DbOrTx,
  hostId: string,
  to: readonly { endpointId: string; endpoint: string }[],
): Promise<Exposure[]> {
  if (to.length === 0) return [];
  const { rows } = await sql<ExposureRow>`
    update audit.exposure e set host_id = ${hostId}, endpoint_id = t.id
    from unnest(${to.map((one) => one.endpoint)}::text[], ${to.map((one) => one.endpointId)}::text[]) as t(endpoint, id)
    where e.endpoint = t.endpoint and (e.endpoint_id, e.host_id) <> (t.id, ${hostId}) returning e.*`.execute(db);
  return rows.map(toExposure);
}
