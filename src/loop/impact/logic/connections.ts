import type { ConnectionFact } from '../../../model/facts.ts';
import { isAgentUnit } from '../../../model/units.ts';

/** One observed use of a service, before names are looked up. */
export interface Observed {
  clientHostId: string;
  clientUnit: string | null;
  serverHostId: string;
  serverUnit: string | null;
  address: string;
  port: number;
  connections: number;
}
export interface StoredEdge extends Observed {
  id: string;
}

/** Addresses that never lead to another machine worth looking at. */
export function isForeign(address: string): boolean {
  return !/^(127\.0\.0\.1|0\.0\.0\.0|255\.255\.255\.255|169\.254\.|2(2[4-9]|3\d)\.|::$|::1$|fe80:|ff[0-9a-f]{2}:)/i.test(
    address,
  );
}

/** IPv4 as IPv6 sockets show it. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}

/** The agent talks to its server, and to whomever it is to look at: nothing on the host needs either. */
const isOwnLook = ({ direction, unit, process }: ConnectionFact): boolean =>
  direction === 'out' && ((unit !== null && isAgentUnit(unit)) || process === 'lastember-agent');

/** What one host's connections say; `hostOf` knows the hosts behind addresses. Addresses of nobody come back apart. */
export function observe(
  hostId: string,
  connections: readonly ConnectionFact[],
  hostOf: ReadonlyMap<string, string>,
): { edges: Observed[]; unknown: string[] } {
  const edges = new Map<string, Observed>();
  const unknown = new Set<string>();
  for (const fact of connections.filter((one) => !isOwnLook(one))) {
    const peer = plainAddress(fact.peerAddress);
    const peerHost = hostOf.get(peer);
    if (!peerHost && isForeign(peer)) unknown.add(peer);
    if (!peerHost || peerHost === hostId) continue;
    const edge = toEdge(hostId, peerHost, fact);
    const key = edgeKey(edge);
    const same = edges.get(key);
    if (same) same.connections += edge.connections;
    else edges.set(key, edge);
  }
  return { edges: [...edges.values()], unknown: [...unknown].toSorted() };
}

function toEdge(hostId: string, peerHost: string, fact: ConnectionFact): Observed {
  if (fact.direction === 'out') {
    return {
      clientHostId: hostId,
      clientUnit: fact.unit,
      serverHostId: peerHost,
      serverUnit: null,
      address: plainAddress(fact.peerAddress),
      port: fact.peerPort,
      connections: fact.count,
    };
  }
  return {
    clientHostId: peerHost,
    clientUnit: null,
    serverHostId: hostId,
    serverUnit: fact.unit,
    address: plainAddress(fact.localAddress),
    port: fact.localPort,
    connections: fact.count,
  };
}

const pairKey = (e: Observed): string => [e.clientHostId, e.serverHostId, e.address, e.port].join('\n');
const edgeKey = (e: Observed): string => [pairKey(e), e.clientUnit ?? '', e.serverUnit ?? ''].join('\n');

export interface Merged {
  upserts: Observed[];
  /** not seen any more in this report: zero connections, but they stay known */
  silent: string[];
  /** a row without the client's unit that a row with it replaces */
  replaced: string[];
}

/**
 * Brings one host's report together with what is stored about it. The client knows its own unit, the server its own:
 * each side adds what the other cannot see, and neither erases what the other told.
 */
export function merge(hostId: string, observed: readonly Observed[], stored: readonly StoredEdge[]): Merged {
  const storedByPair = Map.groupBy(stored, pairKey);
  const upserts: Observed[] = [];
  const replaced = new Set<string>();
  const touched = new Set<string>();
  for (const edge of observed) {
    const before = storedByPair.get(pairKey(edge)) ?? [];
    for (const row of before) touched.add(row.id);
    if (edge.clientHostId === hostId) {
      const unitless = before.filter((row) => row.clientUnit === null && edge.clientUnit !== null);
      for (const row of unitless) replaced.add(row.id);
      upserts.push({ ...edge, serverUnit: before.find((row) => row.serverUnit !== null)?.serverUnit ?? null });
      continue;
    }
    const named = before.filter((row) => row.clientUnit !== null);
    if (named.length === 0) upserts.push(edge);
    // The server sees the sum only; who of several client units holds how many, only the client knows.
    for (const row of named) {
      upserts.push({
        ...row,
        serverUnit: edge.serverUnit,
        connections: named.length === 1 ? edge.connections : row.connections,
      });
    }
  }
  const silent = stored.filter((row) => !touched.has(row.id) && row.connections > 0).map((row) => row.id);
  return { upserts, silent, replaced: [...replaced] };
}
