import type { Asking, Chosen } from '../../scan/scanner/native/choose.ts';
import type { ScanRow } from './store-scans.ts';

/** Which way to the network a scan takes, and why. */
export const pathOf = ({ chosen, asking }: { chosen: Chosen; asking: Asking }) => ({
  path: chosen.path,
  why: `${chosen.why}; ${asking.why}`,
});

/** The scope that a scan is of, for its documents on the trail. */
export const scopeOf = (scan: ScanRow) =>
  scan.scope_id
    ? [{ kind: 'scope' as const, id: scan.scope_id, ...(scan.scope_name ? { name: scan.scope_name } : {}) }]
    : [];
