import type { SnapFact } from '../facts.ts';

/** An installed snap, as snapd notes one; `more` is what the test is about. */
export const snap = (more: Partial<SnapFact>): SnapFact => ({
  name: 'openssl',
  snap: (more.name ?? 'openssl').split('_')[0]!,
  version: '3.0.1',
  revision: '5437',
  channel: 'latest/stable',
  publisher: 'someone',
  base: 'core22',
  type: 'app',
  confinement: 'strict',
  active: true,
  usedBy: [],
  stale: [],
  ...more,
});
