import type { Tx } from '../../platform/context.ts';

/** What is known of this host changed: it is judged again, once for everything that changes before the job runs. */
export const rejudge = (tx: Tx, hostId: string): Promise<void> =>
  tx.enqueue('audit.host', { hostId }, { singletonKey: hostId });
