import type { Subject } from '../../model/trail.ts';
import type { Tx } from '../../platform/context.ts';
import { canonicalBytes, sha256Hex } from '../../platform/ledger/index.ts';
import type { Rematched } from './match-packages.ts';
import { hostsHaving } from './store-matches.ts';

/** Advisories that hosts came to be affected by, and ceased to be. */
export interface Difference {
  opened: string[];
  closed: string[];
}

/** An entry names so many; its digest is over all. */
const MOST_NAMED = 100;

/** One entry, however many advisories and hosts it is about. */
export async function recordDifference(tx: Tx, subject: Subject, difference: Difference, hosts: number): Promise<void> {
  const [opened, closed] = [difference.opened, difference.closed].map((all) => [...new Set(all)].toSorted());
  await tx.record({
    type: 'audit.vulnerabilities.changed',
    subject,
    detail: {
      hosts,
      opened: brief(opened!),
      closed: brief(closed!),
      digest: sha256Hex(canonicalBytes({ closed, opened })),
    },
  });
}

const brief = (advisories: readonly string[]) => ({
  count: advisories.length,
  first: advisories.slice(0, MOST_NAMED),
});

/** What a feed's import came to, where any host has to do with it. Returns the hosts. */
export async function recordRematched(tx: Tx, subject: Subject, { opened, closed }: Rematched): Promise<void> {
  const all = [...opened, ...closed];
  if (all.length === 0) return;
  const hosts = await hostsHaving(tx.db, [...new Set(all.map(({ packageId }) => packageId))]);
  if (hosts === 0) return;
  const named = (changed: typeof opened): string[] => changed.map(({ advisory }) => advisory);
  await recordDifference(tx, subject, { opened: named(opened), closed: named(closed) }, hosts);
}
