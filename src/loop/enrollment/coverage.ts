import type { Coverage } from '../../model/deployment.ts';
import type { Host } from '../../model/estate.ts';
import type { Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { covers } from './logic/binding.ts';
import { coverageOf, type Segment } from './logic/coverage.ts';
import { isWithin } from './logic/rules.ts';
import { allAccess } from './store-access.ts';
import { rules } from './store-rules.ts';
import { managedSince } from './store.ts';

/** Of all, of each scope and of each rule. `within`: hours within which a host is to be managed, where no rule says it. */
export async function coverage(platform: Platform, discovery: Discovery, within: number): Promise<Coverage[]> {
  const [hosts, scopes, known, since, access] = await Promise.all([
    discovery.hosts(),
    discovery.scopes(),
    rules(platform.db),
    managedSince(platform.db),
    allAccess(platform.db),
  ]);
  const inForce = known.filter((row) => row.state === 'in-force' && platform.now() <= row.not_after);
  const segments: Segment[] = [
    { kind: 'all', name: 'all', within, holds: () => true },
    ...scopes.map(({ name, cidrs }) => ({
      kind: 'scope' as const,
      name,
      within,
      holds: (host: Host) =>
        cidrs.length > 0 &&
        host.addresses.some((address) => covers(cidrs, { hostId: host.id, address, tags: host.tags })),
    })),
    ...inForce.map(({ rule }) => ({
      kind: 'rule' as const,
      name: rule.name,
      within: rule.within,
      holds: (host: Host) => isWithin(rule, host),
    })),
  ];
  // An agent that was lost and whose host is looked after over SSH again was managed from its agent on.
  for (const one of access) {
    const at = new Date(one.since);
    if (!since.has(one.hostId) || at < since.get(one.hostId)!) since.set(one.hostId, at);
  }
  const managed = { since, agentless: new Set(access.map((one) => one.hostId)) };
  return segments.map((segment) => coverageOf(segment, hosts, managed, platform.now()));
}
