import type { Endpoint } from '../../../model/estate.ts';
import type { Facts, SectionName } from '../../../model/facts.ts';
import type { Evidence, SectionMeta, SectionMetas } from '../logic/judge/context.ts';
import { versionOrder } from '../versions/registry.ts';

export const HOUR = 3_600_000;

/** Evidence as fixtures and tests want it: the given facts, all collected just now. */
export function evidenceOf(given: {
  facts: Partial<Facts>;
  endpoints: readonly Endpoint[];
  now: string;
  addresses: readonly string[];
  meta?: Partial<SectionMeta>;
  names?: Evidence['names'];
  orphans?: Evidence['orphans'];
  identities?: NonNullable<Evidence['identities']>;
}): Evidence {
  const meta: SectionMetas = {};
  for (const name of Object.keys(given.facts) as SectionName[]) {
    meta[name] = { version: 1, hash: name, collectedAt: given.now, receivedAt: given.now, error: null, ...given.meta };
  }
  return {
    now: given.now,
    host: { id: 'host_1', name: 'shop', addresses: given.addresses },
    names: given.names ?? [],
    facts: given.facts,
    meta,
    endpoints: given.endpoints,
    identities: given.identities ?? [],
    orphans: given.orphans ?? [],
    order: versionOrder,
    staleAfterMs: 24 * HOUR,
  };
}
