import type { FunnelStep } from './campaign.ts';

/** The steps of the funnel as people read them: on the command line, in the console and in documents. */
export const STEP_LABEL: Readonly<Record<FunnelStep, string>> = {
  patched: 'Patched on disk',
  restarted: 'Nothing runs the old library',
  newKey: 'New key',
  reissued: 'Certificate reissued',
  served: 'New certificate served',
  revoked: 'Old certificate revoked',
  revocationVisible: 'Revocation visible in CRL',
  sessions: 'Sessions invalidated',
  proven: 'Proven from outside',
};
