import type { Scan } from '../../../model/estate.ts';
import { LOCAL_SITE, type Scanner, type Site } from '../../../model/site.ts';
import type { Platform, Tx } from '../../../platform/context.ts';
import { siteBlindness } from '../logic/site-words.ts';
import { findScans, findScopes } from '../store-scans.ts';
import type { SiteTimes } from './lease.ts';
import { insertScanner, leasesNow, type ScannerRow, scannerRows } from './store.ts';

export async function addScanner(
  tx: Tx,
  scanner: { id: string; site: string; name: string; version: string },
): Promise<void> {
  await insertScanner(tx.db, { ...scanner, added_at: tx.now });
}

/** Was it heard of within a lease and a call? */
const isLive = (row: ScannerRow, times: SiteTimes, now: Date): boolean =>
  row.revoked_at === null &&
  row.last_seen !== null &&
  row.last_seen.getTime() >= now.getTime() - times.leaseMs - times.beatMs;

export async function listScanners(platform: Platform, times: SiteTimes): Promise<Scanner[]> {
  const now = platform.now();
  const [rows, leases] = await Promise.all([scannerRows(platform.db), leasesNow(platform.db, now)]);
  return rows.map((row) => {
    const mine = leases.filter(({ scanner_id }) => scanner_id === row.id);
    return {
      id: row.id,
      site: row.site,
      name: row.name,
      version: row.version,
      path: row.path,
      state: stateOf(row, { isLive: isLive(row, times, now), works: mine.length > 0 }),
      addedAt: row.added_at.toISOString(),
      lastSeen: row.last_seen?.toISOString() ?? null,
      scans: mine.map(({ scan_id, scope_name }) => ({ scanId: scan_id, scope: scope_name })),
      refusals: row.refusals,
      refusedWhy: row.refused_why,
    };
  });
}

function stateOf(row: ScannerRow, { isLive: live, works }: { isLive: boolean; works: boolean }): Scanner['state'] {
  if (row.revoked_at) return 'revoked';
  if (!live) return 'silent';
  return works ? 'working' : 'idle';
}

/** Every site that a scope is for or that has scanners; never `local`, where this server looks itself. */
export async function listSites(platform: Platform, times: SiteTimes): Promise<Site[]> {
  const now = platform.now();
  const [rows, scopes, scans] = await Promise.all([
    scannerRows(platform.db),
    findScopes(platform.db),
    findScans(platform.db),
  ]);
  const names = new Set([...scopes.map(({ site }) => site), ...rows.map(({ site }) => site)]);
  names.delete(LOCAL_SITE);
  return [...names].sort().map((name) => {
    const own = scopes.filter(({ site }) => site === name).map((scope) => scope.name);
    const enrolled = rows.filter(({ site, revoked_at }) => site === name && revoked_at === null);
    const live = enrolled.filter((row) => isLive(row, times, now)).length;
    const seen = enrolled.flatMap(({ last_seen }) => last_seen?.getTime() ?? []);
    const lastSeen = seen.length > 0 ? new Date(Math.max(...seen)) : null;
    const waiting = scans.filter(({ site, state }) => site === name && ['queued', 'running'].includes(state)).length;
    const blind =
      own.length + waiting > 0 ? siteBlindness(name, { scanners: enrolled.length, live, lastSeen }, now) : null;
    return {
      name,
      scopes: own,
      live,
      scanners: enrolled.length,
      lastSeen: lastSeen?.toISOString() ?? null,
      scans: waiting,
      blind,
    };
  });
}

/** Scans that wait for a scanner say so. */
export async function withSites(platform: Platform, times: SiteTimes, scans: readonly Scan[]): Promise<Scan[]> {
  const waits = ({ site, state }: Scan): boolean => site !== LOCAL_SITE && ['queued', 'running'].includes(state);
  if (!scans.some(waits)) return [...scans];
  const blind = new Map((await listSites(platform, times)).map((site) => [site.name, site.blind]));
  return scans.map((scan) => (waits(scan) ? { ...scan, siteWhy: blind.get(scan.site) ?? null } : scan));
}
