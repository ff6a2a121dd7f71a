import { sql } from 'kysely';
import type { ScanPath, ScanPace, ScanCounts } from '../../../model/estate.ts';
import type { OpenPort } from '../../../model/site.ts';
import type { DbOrTx } from '../../../platform/context.ts';
import { anyOf } from '../../../platform/db/many.ts';
import { placeIn, spaceOf } from '../logic/place.ts';
import type { ScanRow } from '../store-scans.ts';
import { toldSince } from '../store-told.ts';
import { q } from '../tables.ts';

export type ScannerRow = NonNullable<Awaited<ReturnType<typeof scannerRow>>>;
export type PortionRow = NonNullable<Awaited<ReturnType<typeof lockPortion>>>;

export async function insertScanner(
  db: DbOrTx,
  scanner: { id: string; site: string; name: string; version: string; added_at: Date },
): Promise<void> {
  const fresh = {
    path: null,
    last_seen: null,
    live_since: null,
    revoked_at: null,
    refused_why: null,
    refused_until: null,
  };
  await q(db)
    .insertInto('discovery.scanner')
    .values({ ...scanner, ...fresh })
    .execute();
}

export async function scannerRow(db: DbOrTx, id: string) {
  return q(db).selectFrom('discovery.scanner').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function scannerRows(db: DbOrTx): Promise<ScannerRow[]> {
  return q(db).selectFrom('discovery.scanner').selectAll().orderBy('site').orderBy('name').orderBy('id').execute();
}

/** A scanner called. One that had not called since `gone` begins anew to be there. */
export async function noteCall(
  db: DbOrTx,
  id: string,
  call: { at: Date; gone: Date; version?: string; path?: ScanPath | null },
): Promise<ScannerRow | undefined> {
  return q(db)
    .updateTable('discovery.scanner')
    .set({
      last_seen: call.at,
      live_since: sql`case when last_seen is null or last_seen < ${call.gone} then ${call.at} else live_since end`,
      ...(call.version === undefined ? {} : { version: call.version }),
      ...(call.path === undefined ? {} : { path: call.path }),
    })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .returningAll()
    .executeTakeFirst();
}

export async function noteRefusal(db: DbOrTx, id: string, refusal: { why: string; until: Date }): Promise<void> {
  await q(db)
    .updateTable('discovery.scanner')
    .set({ refusals: sql<number>`refusals + 1`, refused_why: refusal.why, refused_until: refusal.until })
    .where('id', '=', id)
    .execute();
}

/** Its leases end at once: others go on where it stood. */
export async function endScanner(db: DbOrTx, id: string, at: Date): Promise<void> {
  await q(db).updateTable('discovery.scanner').set({ revoked_at: at }).where('id', '=', id).execute();
  await releasePortionsOf(db, id);
}

/** Whatever it works on is free for others. */
export async function releasePortionsOf(db: DbOrTx, id: string): Promise<void> {
  await q(db)
    .updateTable('discovery.portion')
    .set({ lease: null, lease_until: null, scanner_id: null })
    .where('scanner_id', '=', id)
    .execute();
}

/** How many scanners of a site have been heard of since and may work. */
export async function countLive(db: DbOrTx, site: string, { since, now }: { since: Date; now: Date }): Promise<number> {
  const row = await q(db)
    .selectFrom('discovery.scanner')
    .select((e) => e.fn.countAll<string>().as('live'))
    .where('site', '=', site)
    .where('revoked_at', 'is', null)
    .where('last_seen', '>=', since)
    .where((w) => w.or([w('refused_until', 'is', null), w('refused_until', '<=', now)]))
    .executeTakeFirstOrThrow();
  return Number(row.live);
}

export async function scansAt(db: DbOrTx, site: string): Promise<string[]> {
  const rows = await q(db)
    .selectFrom('discovery.scan')
    .select('id')
    .where('site', '=', site)
    .where('state', 'in', ['queued', 'running'])
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return rows.map(({ id }) => id);
}

/** Held until the transaction ends: what happens to a scan happens one thing after the other. */
export async function lockScan(db: DbOrTx, id: string): Promise<ScanRow | undefined> {
  return q(db).selectFrom('discovery.scan').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
}

export async function lockPortion(db: DbOrTx, scanId: string, window: number) {
  return q(db)
    .selectFrom('discovery.portion')
    .selectAll()
    .where('scan_id', '=', scanId)
    .where('window_index', '=', window)
    .forUpdate()
    .executeTakeFirst();
}

/** The first portion that was begun and that nobody works on. */
export async function freePortion(db: DbOrTx, scanId: string, now: Date): Promise<PortionRow | undefined> {
  return q(db)
    .selectFrom('discovery.portion')
    .selectAll()
    .where('scan_id', '=', scanId)
    .where((w) => w.or([w('lease', 'is', null), w('lease_until', '<', now)]))
    .orderBy('window_index')
    .limit(1)
    .executeTakeFirst();
}

export async function countPortions(db: DbOrTx, scanId: string): Promise<number> {
  const row = await q(db)
    .selectFrom('discovery.portion')
    .select((e) => e.fn.countAll<string>().as('n'))
    .where('scan_id', '=', scanId)
    .executeTakeFirstOrThrow();
  return Number(row.n);
}

export async function insertPortion(db: DbOrTx, scanId: string, window: number): Promise<void> {
  await q(db)
    .insertInto('discovery.portion')
    .values({ scan_id: scanId, window_index: window, scanner_id: null, lease: null, lease_until: null })
    .execute();
  await q(db)
    .updateTable('discovery.scan')
    .set({ window_index: window + 1 })
    .where('id', '=', scanId)
    .execute();
}

interface Leasing {
  scanId: string;
  window: number;
}

export async function leasePortion(
  db: DbOrTx,
  { scanId, window }: Leasing,
  lease: { scannerId: string; lease: string; until: Date; now: Date },
): Promise<void> {
  await q(db)
    .updateTable('discovery.portion')
    .set({ scanner_id: lease.scannerId, lease: lease.lease, lease_until: lease.until, seq: 0, moved_at: lease.now })
    .where('scan_id', '=', scanId)
    .where('window_index', '=', window)
    .execute();
}

export async function updatePortion(
  db: DbOrTx,
  { scanId, window }: Leasing,
  set: {
    until: Date;
    seq?: number;
    cursor?: number;
    open?: OpenPort[];
    told?: number;
    not_looked?: readonly string[];
    moved_at?: Date;
  },
): Promise<void> {
  const { until, open, not_looked: skipped, ...rest } = set;
  await q(db)
    .updateTable('discovery.portion')
    .set({
      ...rest,
      lease_until: until,
      ...(open ? { open: JSON.stringify(open) } : {}),
      ...(skipped ? { not_looked: JSON.stringify(skipped) } : {}),
    })
    .where('scan_id', '=', scanId)
    .where('window_index', '=', window)
    .execute();
}

export async function releasePortion(db: DbOrTx, { scanId, window }: Leasing): Promise<void> {
  await q(db)
    .updateTable('discovery.portion')
    .set({ scanner_id: null, lease: null, lease_until: null })
    .where('scan_id', '=', scanId)
    .where('window_index', '=', window)
    .execute();
}

export async function deletePortion(db: DbOrTx, { scanId, window }: Leasing): Promise<void> {
  await q(db)
    .deleteFrom('discovery.portion')
    .where('scan_id', '=', scanId)
    .where('window_index', '=', window)
    .execute();
}

export async function deletePortions(db: DbOrTx, scanId: string): Promise<void> {
  await q(db).deleteFrom('discovery.portion').where('scan_id', '=', scanId).execute();
}

export async function startSiteScan(db: DbOrTx, id: string, now: Date): Promise<void> {
  await q(db)
    .updateTable('discovery.scan')
    .set({
      state: 'running',
      waits_until: null,
      waits_for: null,
      beat_at: now,
      started_at: sql`coalesce(started_at, ${now})`,
    })
    .where('id', '=', id)
    .execute();
}

export async function restSiteScan(db: DbOrTx, id: string, dark: { until: Date; scope: string }): Promise<void> {
  await q(db)
    .updateTable('discovery.scan')
    .set({ state: 'queued', waits_until: dark.until, waits_for: dark.scope })
    .where('id', '=', id)
    .execute();
}

export async function saveSiteProgress(
  db: DbOrTx,
  id: string,
  progress: { counts: ScanCounts; pace: ScanPace; path: ScanPath | null; now: Date },
): Promise<void> {
  const { counts, pace, path, now } = progress;
  await q(db)
    .updateTable('discovery.scan')
    .set({ counts: JSON.stringify(counts), pace: JSON.stringify(pace), path, beat_at: now })
    .where('id', '=', id)
    .execute();
}

/** Who works on what just now. */
export async function leasesNow(
  db: DbOrTx,
  now: Date,
): Promise<{ scanner_id: string; scan_id: string; scope_name: string | null }[]> {
  const rows = await q(db)
    .selectFrom('discovery.portion as p')
    .innerJoin('discovery.scan as s', 's.id', 'p.scan_id')
    .select(['p.scanner_id', 'p.scan_id', 's.scope_name'])
    .where('p.lease', 'is not', null)
    .where('p.lease_until', '>=', now)
    .execute();
  return rows.flatMap(({ scanner_id, ...row }) => (scanner_id === null ? [] : [{ scanner_id, ...row }]));
}

/** Identifiers that scanners of the site saw at these addresses since then. */
export async function seenAtSite(
  db: DbOrTx,
  site: string,
  { addresses, since }: { addresses: readonly string[]; since: Date },
): Promise<{ address: string; identifiers: { kind: string; value: string }[] }[]> {
  if (addresses.length === 0) return [];
  return q(db)
    .selectFrom('discovery.sighting as s')
    .select(['s.address', 's.identifiers'])
    .where('s.source', '=', 'scan')
    .where(toldSince(since))
    .where('s.address', 'in', addresses)
    .where(sql<boolean>`s.evidence ->> 'site' = ${site}`)
    .execute();
}

/** When ports at these addresses were last seen, as the site has them. */
export async function lastSeenThere(
  db: DbOrTx,
  site: string,
  at: readonly { address: string }[],
): Promise<{ address: string; port: number; last_seen: Date }[]> {
  if (at.length === 0) return [];
  const rows = await endpointsAt(db, [...new Set(at.map(({ address }) => address))]);
  return rows.filter((row) => row.site === spaceOf(site, row.address));
}

/** Places of these addresses where a look found nothing of what had been there. */
export async function missedAt(db: DbOrTx, addresses: readonly string[]): Promise<Set<string>> {
  if (addresses.length === 0) return new Set();
  const rows = await endpointsAt(db, addresses);
  const places = Map.groupBy(rows, ({ site, address }) => placeIn(site, address));
  return new Set([...places].flatMap(([place, here]) => (here.every(({ misses }) => misses > 0) ? [place] : [])));
}

async function endpointsAt(db: DbOrTx, addresses: readonly string[]) {
  return q(db)
    .selectFrom('discovery.endpoint as e')
    .innerJoin('discovery.address as a', (join) =>
      join.onRef('a.host_id', '=', 'e.host_id').onRef('a.address', '=', 'e.address'),
    )
    .select(['e.address', 'e.port', 'e.last_seen', 'e.misses', 'a.site'])
    .where('e.address', '=', anyOf(addresses))
    .where('e.transport', '=', 'tcp')
    .where('a.current', '=', true)
    .execute();
}
