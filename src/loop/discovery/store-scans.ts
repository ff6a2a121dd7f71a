import { chunks } from '../../platform/db/many.ts';
import { sql } from 'kysely';
import type { Actor } from '../../model/actor.ts';
import type { Scan, ScanCounts, ScanKind, ScanPace, ScanPath, ScanState, Scope } from '../../model/estate.ts';
import { LOCAL_SITE } from '../../model/site.ts';
import type { DbOrTx } from '../../platform/context.ts';
import type { Pair } from '../../scan/scanner/sweep.ts';
import { parseTargets } from '../../scan/logic/targets.ts';
import type { Walked } from './logic/full-walk.ts';
import { q } from './tables.ts';

export const ACTIVE: ScanState[] = ['queued', 'running', 'paused'];
export const NO_COUNTS: ScanCounts = {
  targets: 0,
  done: 0,
  open: 0,
  newHosts: 0,
  changed: 0,
  offline: 0,
  back: 0,
  unchanged: 0,
};

export async function findScopes(db: DbOrTx): Promise<Scope[]> {
  const rows = await q(db).selectFrom('discovery.scope').selectAll().orderBy('name').execute();
  return rows.map(({ created_at, subnet_rate, full_every, ...row }) => ({
    ...row,
    subnetRate: subnet_rate,
    fullEvery: full_every,
    createdAt: created_at.toISOString(),
  }));
}

/** By id or by name. */
export async function findScope(db: DbOrTx, ref: string): Promise<Scope | null> {
  return (await findScopes(db)).find((scope) => scope.id === ref || scope.name === ref) ?? null;
}

const scopeRow = (scope: Scope) => ({
  name: scope.name,
  cidrs: JSON.stringify(scope.cidrs),
  exclude: JSON.stringify(scope.exclude),
  follow: JSON.stringify(scope.follow),
  ports: scope.ports,
  udp: scope.udp,
  rate: scope.rate,
  subnet_rate: scope.subnetRate,
  every: scope.every,
  blackouts: JSON.stringify(scope.blackouts),
  full_every: scope.fullEvery,
  agents: scope.agents,
  site: scope.site,
});

/** False when the name is taken. */
export async function insertScope(db: DbOrTx, scope: Scope): Promise<boolean> {
  const done = await q(db)
    .insertInto('discovery.scope')
    .values({ id: scope.id, ...scopeRow(scope), created_at: new Date(scope.createdAt) })
    .onConflict((c) => c.column('name').doNothing())
    .executeTakeFirst();
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export async function updateScope(db: DbOrTx, scope: Scope): Promise<void> {
  await q(db).updateTable('discovery.scope').set(scopeRow(scope)).where('id', '=', scope.id).execute();
}

export async function deleteScope(db: DbOrTx, id: string): Promise<void> {
  await q(db).deleteFrom('discovery.scope').where('id', '=', id).execute();
}

export type ScanRow = NonNullable<Awaited<ReturnType<typeof scanRow>>>;

export async function scanRow(db: DbOrTx, id: string) {
  return q(db).selectFrom('discovery.scan').selectAll().where('id', '=', id).executeTakeFirst();
}

export function toScan(row: ScanRow): Scan {
  return {
    id: row.id,
    scopeId: row.scope_id,
    kind: row.kind,
    targets: row.targets,
    ports: row.ports,
    udp: row.udp,
    state: row.state,
    counts: row.counts,
    startedAt: row.started_at?.toISOString() ?? null,
    finishedAt: row.finished_at?.toISOString() ?? null,
    error: row.error,
    path: row.path,
    pathWhy: row.path_why,
    pace: row.pace,
    secondsLeft: secondsLeft(row),
    waitsUntil: row.state === 'queued' ? (row.waits_until?.toISOString() ?? null) : null,
    waitsFor: row.state === 'queued' ? row.waits_for : null,
    site: row.site,
    siteWhy: null,
  };
}

function secondsLeft({ state, pace, counts }: Pick<ScanRow, 'state' | 'pace' | 'counts'>): number | null {
  if (state !== 'running' || !pace?.done) return null;
  return Math.ceil((counts.targets - counts.done) / pace.done);
}

export async function findScans(db: DbOrTx, limit = 200): Promise<Scan[]> {
  const rows = await q(db)
    .selectFrom('discovery.scan')
    .selectAll()
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
  return rows.map(toScan);
}

export interface NewScan {
  id: string;
  scope: Scope | null;
  kind: ScanKind;
  targets: string[];
  resolved: string[];
  named: Record<string, string[]>;
  exclude: string[];
  ports: string;
  udp: string;
  rate: number;
  subnetRate: number;
  confirmWide: boolean;
  seed: number;
  pairs: number;
  actor: Actor;
  at: Date;
}

/** False when the scope is being scanned already. */
export async function insertScan(db: DbOrTx, scan: NewScan): Promise<boolean> {
  const done = await q(db)
    .insertInto('discovery.scan')
    .values({
      id: scan.id,
      scope_id: scan.scope?.id ?? null,
      scope_name: scan.scope?.name ?? null,
      site: scan.scope?.site ?? LOCAL_SITE,
      kind: scan.kind,
      targets: JSON.stringify(scan.targets),
      resolved: JSON.stringify(scan.resolved),
      named: JSON.stringify(scan.named),
      exclude: JSON.stringify(scan.exclude),
      ports: scan.ports,
      udp: scan.udp,
      rate: scan.rate,
      subnet_rate: scan.subnetRate,
      confirm_wide: scan.confirmWide,
      state: 'queued',
      seed: scan.seed,
      counts: JSON.stringify({ ...NO_COUNTS, targets: scan.pairs }),
      runner: null,
      beat_at: null,
      actor: JSON.stringify(scan.actor),
      created_at: scan.at,
      started_at: null,
      finished_at: null,
      error: null,
    })
    .onConflict((c) => c.doNothing())
    .executeTakeFirst();
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export async function activeScanOf(db: DbOrTx, scopeId: string): Promise<Scan | null> {
  const row = await q(db)
    .selectFrom('discovery.scan')
    .selectAll()
    .where('scope_id', '=', scopeId)
    .where('state', 'in', ACTIVE)
    .executeTakeFirst();
  return row ? toScan(row) : null;
}

export async function lastScanAt(db: DbOrTx, scopeId: string): Promise<Date | null> {
  const row = await q(db)
    .selectFrom('discovery.scan')
    .select((e) => e.fn.max('created_at').as('at'))
    .where('scope_id', '=', scopeId)
    .executeTakeFirst();
  return row?.at ?? null;
}

/** Takes the scan over; a runner from before a crash (or a slow one) finds its token gone and stops. */
export async function claimScan(db: DbOrTx, id: string, runner: string, now: Date): Promise<ScanRow | null> {
  const row = await q(db)
    .updateTable('discovery.scan')
    .set({
      state: 'running',
      runner,
      beat_at: now,
      waits_until: null,
      waits_for: null,
      started_at: sql`coalesce(started_at, ${now})`,
    })
    .where('id', '=', id)
    .where('state', 'in', ['queued', 'running'])
    // What another site is to look at, nobody here does.
    .where('site', '=', LOCAL_SITE)
    .returningAll()
    .executeTakeFirst();
  return row ?? null;
}

/** How this runner tries ports, and why so. */
export async function savePath(db: DbOrTx, id: string, how: { path: ScanPath; why: string }): Promise<void> {
  await q(db).updateTable('discovery.scan').set({ path: how.path, path_why: how.why }).where('id', '=', id).execute();
}

/** Is the scan still this runner's? Until the transaction ends nobody else takes it. */
export async function holdScan(db: DbOrTx, id: string, runner: string): Promise<boolean> {
  const row = await q(db)
    .selectFrom('discovery.scan')
    .select('id')
    .where('id', '=', id)
    .where('runner', '=', runner)
    .forUpdate()
    .executeTakeFirst();
  return row !== undefined;
}

/** A blackout is on: the scan waits, and whoever ran it may not go on. False when it is neither queued nor running. */
export async function restScan(
  db: DbOrTx,
  id: string,
  dark: { until: Date; scope: string },
  runner: string | null,
): Promise<boolean> {
  const row = await q(db)
    .updateTable('discovery.scan')
    .set({ state: 'queued', runner: null, waits_until: dark.until, waits_for: dark.scope })
    .where('id', '=', id)
    .where('state', 'in', ['queued', 'running'])
    // A runner that is at work rests by itself, at its next report.
    .where((w) => (runner === null ? w('state', '=', 'queued') : w('runner', '=', runner)))
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

export async function insertKnown(db: DbOrTx, scanId: string, ranges: readonly string[]): Promise<void> {
  await q(db)
    .insertInto('discovery.scan_known')
    .values({ scan_id: scanId, ranges: JSON.stringify(ranges) })
    .execute();
}

export async function knownOf(db: DbOrTx, scanId: string): Promise<string[]> {
  const row = await q(db)
    .selectFrom('discovery.scan_known')
    .select('ranges')
    .where('scan_id', '=', scanId)
    .executeTakeFirst();
  return row?.ranges ?? [];
}

/** The last full walk of a scope that came to its end. */
export async function lastFullWalk(db: DbOrTx, scopeId: string): Promise<Walked | null> {
  const row = await q(db)
    .selectFrom('discovery.scan')
    .select(['created_at as at', 'targets', 'resolved', 'exclude', 'ports', 'udp'])
    .where('scope_id', '=', scopeId)
    .where('kind', '=', 'full')
    .where('state', '=', 'done')
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ?? null;
}

/** A sign of life between two steps; false when this runner may not go on. */
export async function beatScan(db: DbOrTx, id: string, runner: string, now: Date): Promise<boolean> {
  const row = await q(db)
    .updateTable('discovery.scan')
    .set({ beat_at: now })
    .where('id', '=', id)
    .where('runner', '=', runner)
    .returning('state')
    .executeTakeFirst();
  return row?.state === 'running';
}

/** Progress of a runner; false when it may not go on: paused, cancelled, or another one took over. */
export async function saveProgress(
  db: DbOrTx,
  id: string,
  runner: string,
  progress: { window: number; cursor: number; counts: ScanCounts; pace: ScanPace; now: Date },
): Promise<boolean> {
  const row = await q(db)
    .updateTable('discovery.scan')
    .set({
      window_index: progress.window,
      cursor: progress.cursor,
      counts: JSON.stringify(progress.counts),
      pace: JSON.stringify(progress.pace),
      beat_at: progress.now,
    })
    .where('id', '=', id)
    .where('runner', '=', runner)
    .returning('state')
    .executeTakeFirst();
  return row?.state === 'running';
}

export async function saveOpen(db: DbOrTx, scanId: string, open: readonly Pair[]): Promise<void> {
  for (const some of chunks(open))
    await q(db)
      .insertInto('discovery.scan_open')
      .values(some.map(({ address, port, transport = 'tcp' }) => ({ scan_id: scanId, address, port, transport })))
      .onConflict((c) => c.doNothing())
      .execute();
}

/** What was found open and is not read yet; of TCP nothing is said. */
export async function openOf(db: DbOrTx, scanId: string): Promise<Pair[]> {
  const rows = await q(db)
    .selectFrom('discovery.scan_open')
    .select(['address', 'port', 'transport'])
    .where('scan_id', '=', scanId)
    .orderBy('address')
    .orderBy('port')
    .orderBy('transport')
    .execute();
  return rows.map(({ transport, ...at }) => (transport === 'tcp' ? at : { ...at, transport }));
}

export async function clearOpen(db: DbOrTx, scanId: string): Promise<void> {
  await q(db).deleteFrom('discovery.scan_open').where('scan_id', '=', scanId).execute();
}

/** Moves a scan to `state` if it is in one of `from`; null when it is not. */
export async function setScanState(
  db: DbOrTx,
  id: string,
  from: ScanState[],
  set: { state: ScanState; error?: string; finishedAt?: Date },
): Promise<ScanRow | null> {
  const row = await q(db)
    .updateTable('discovery.scan')
    .set({
      state: set.state,
      waits_until: null,
      waits_for: null,
      ...(set.error === undefined ? {} : { error: set.error }),
      ...(set.finishedAt ? { finished_at: set.finishedAt } : {}),
    })
    .where('id', '=', id)
    .where('state', 'in', from)
    .returningAll()
    .executeTakeFirst();
  return row ?? null;
}

/** Scans that say they run (or wait to) but of which nobody has heard since `before`: their worker died. */
export async function orphanedScans(db: DbOrTx, before: Date): Promise<string[]> {
  const rows = await q(db)
    .selectFrom('discovery.scan')
    .select('id')
    .where('state', 'in', ['queued', 'running'])
    .where('site', '=', LOCAL_SITE)
    .where((w) => w.fn.coalesce('beat_at', 'created_at'), '<', before)
    .execute();
  return rows.map((row) => row.id);
}

/**
 * Scopes, each with the addresses that its names had at its last scan: where Lastember may connect to. When a name was
 * taken out of the scope since then, none of those counts: which was whose is not known.
 */
export async function findReach(db: DbOrTx): Promise<Scope[]> {
  const scopes = await findScopes(db);
  const { rows } = await sql<{ scope_id: string; targets: string[]; resolved: string[] }>`
    select o.id as scope_id, l.targets, l.resolved from discovery.scope o
    cross join lateral (select targets, resolved from discovery.scan s where s.scope_id = o.id
      order by s.created_at desc limit 1) l`.execute(db);
  const last = new Map(rows.map((row) => [row.scope_id, row]));
  return scopes.map((scope) => {
    const scan = last.get(scope.id);
    const names = scan && scan.resolved.length > 0 ? namesOf(scan.targets) : [];
    const still = new Set(namesOf(scope.cidrs));
    const resolved = scan && names.every((name) => still.has(name)) ? scan.resolved : [];
    return { ...scope, cidrs: [...scope.cidrs, ...resolved] };
  });
}

const namesOf = (targets: readonly string[]): string[] => parseTargets(targets, { confirmWide: true }).names;
