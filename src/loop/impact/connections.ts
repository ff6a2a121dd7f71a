import { systemActor } from '../../model/actor.ts';
import type { ConnectionFact } from '../../model/facts.ts';
import type { Dependency } from '../../model/impact.ts';
import type { Platform } from '../../platform/context.ts';
import type { Audit } from '../audit/index.ts';
import type { Discovery } from '../discovery/index.ts';
import { isForeign, merge, observe, plainAddress } from './logic/connections.ts';
import { dependencyRows, lockDependencies, removeDependencies, silence, upsertDependency } from './store.ts';

/** Hosts behind the addresses; addresses of nobody are left out. */
export async function resolveHosts(discovery: Discovery, addresses: Iterable<string>): Promise<Map<string, string>> {
  const hosts = new Map<string, string>();
  for (const address of new Set(addresses)) {
    const host = await discovery.hostByAddress(address);
    if (host) hosts.set(address, host.id);
  }
  return hosts;
}

const peersOf = (connections: readonly ConnectionFact[]): string[] =>
  connections.map((fact) => plainAddress(fact.peerAddress));

/**
 * Learns from one host's connections who depends on whom. Peers and neighbours that are no host yet are handed to
 * discovery: this is how machines that nobody listed are found by following connections.
 */
export async function learnConnections(
  platform: Platform,
  discovery: Discovery,
  audit: Audit,
  hostId: string,
): Promise<void> {
  const { sections } = await audit.facts(hostId);
  const connections = sections.connections ?? [];
  const neighbours = (sections.neighbours ?? []).map((neighbour) => neighbour.address).filter(isForeign);
  const hosts = await resolveHosts(discovery, [...peersOf(connections), ...neighbours]);
  const { edges, unknown } = observe(hostId, connections, hosts);
  const strangers = [...new Set([...unknown, ...neighbours.filter((address) => !hosts.has(address))])];
  await platform.observe(systemActor('impact.connections'), async (tx) => {
    const merged = merge(hostId, edges, await lockDependencies(tx.db, hostId));
    await removeDependencies(tx.db, merged.replaced);
    // In one order everywhere, so that two hosts that report about each other do not wait in a circle.
    for (const edge of merged.upserts.toSorted((a, b) => (orderKey(a) < orderKey(b) ? -1 : 1))) {
      await upsertDependency(tx.db, platform.newId('dependency'), edge, tx.now);
    }
    await silence(tx.db, merged.silent);
    if (merged.upserts.length + merged.silent.length > 0) await tx.publish('facts', { hostId });
    await discovery.followFrom(tx, hostId, strangers);
  });
}

const orderKey = (edge: { clientHostId: string; serverHostId: string; port: number }): string =>
  `${edge.clientHostId} ${edge.serverHostId} ${edge.port}`;

export async function listDependencies(
  platform: Platform,
  discovery: Discovery,
  hostId?: string,
): Promise<Dependency[]> {
  const rows = await dependencyRows(platform.db, hostId);
  const ids = [...new Set(rows.flatMap((row) => [row.clientHostId, row.serverHostId]))];
  const hosts = ids.length > 0 ? await discovery.hosts({ ids }) : [];
  const names = new Map(hosts.map((host) => [host.id, host.name]));
  return rows.map((row) => ({
    ...row,
    clientName: names.get(row.clientHostId) ?? row.clientHostId,
    serverName: names.get(row.serverHostId) ?? row.serverHostId,
    firstSeen: row.firstSeen.toISOString(),
    lastSeen: row.lastSeen.toISOString(),
  }));
}
