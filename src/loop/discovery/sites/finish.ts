import type { ScanCounts, ScanPace } from '../../../model/estate.ts';
import type { Tx } from '../../../platform/context.ts';
import type { LiveScopes } from '../live-scopes.ts';
import { countOffline } from '../results.ts';
import { countsOf } from '../scans.ts';
import { type ScanRow, setScanState } from '../store-scans.ts';
import { saveSiteProgress } from './store.ts';
import { forgetTraps } from './traps.ts';

export const scopeOf = (scan: ScanRow) =>
  scan.scope_id
    ? [{ kind: 'scope' as const, id: scan.scope_id, ...(scan.scope_name ? { name: scan.scope_name } : {}) }]
    : [];

export function paceOf(scan: ScanRow, counts: ScanCounts, now: Date): ScanPace {
  const seconds = scan.started_at ? (now.getTime() - scan.started_at.getTime()) / 1000 : 0;
  const done = seconds > 2 ? counts.done / seconds : null;
  return { asked: scan.rate, now: scan.rate, why: `shared by the scanners of site ${scan.site}`, done };
}

/** All portions of a site's scan are done. */
export async function finish(
  tx: Tx,
  scopes: LiveScopes,
  scan: ScanRow,
  walk: { ports: number[]; has(address: string): boolean },
  counts: ScanCounts,
): Promise<void> {
  counts.offline = await countOffline(tx, {
    since: scan.started_at ?? tx.now,
    ports: walk.ports,
    inScan: (address) => walk.has(address) && scopes.allowsScan(scan, address),
    site: scan.site,
  });
  await saveSiteProgress(tx.db, scan.id, { counts, pace: paceOf(scan, counts, tx.now), path: scan.path, now: tx.now });
  await forgetTraps(tx.db, scan.id);
  await setScanState(tx.db, scan.id, ['queued', 'running'], { state: 'done', finishedAt: tx.now });
  await tx.record({
    type: 'discovery.scan.finished',
    subject: { kind: 'scan', id: scan.id },
    related: scopeOf(scan),
    detail: {
      outcome: 'done',
      scope: scan.scope_name,
      site: scan.site,
      targets: scan.targets,
      ports: scan.ports,
      counts: countsOf(counts),
    },
  });
}
