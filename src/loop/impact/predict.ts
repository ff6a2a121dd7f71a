import type { Finding } from '../../model/finding.ts';
import type { Facts } from '../../model/facts.ts';
import type { Impact } from '../../model/impact.ts';
import type { Task } from '../../model/plan.ts';
import type { Platform } from '../../platform/context.ts';
import type { Audit } from '../audit/index.ts';
import type { Discovery } from '../discovery/index.ts';
import { resolveHosts } from './connections.ts';
import { isForeign, observe, plainAddress, type StoredEdge } from './logic/connections.ts';
import type { Edge } from './logic/graph.ts';
import { overlay } from './logic/overlay.ts';
import { assemble, isService, predict, servicesOfPackage, type HostFacts, type Restart } from './logic/predict.ts';
import { dependencyRows } from './store.ts';

export interface Sources {
  platform: Platform;
  discovery: Discovery;
  audit: Audit;
}

/** Blast radius of these tasks as the estate is now. */
export async function predictTasks(sources: Sources, tasks: readonly Task[]): Promise<Impact> {
  const { facts, edges } = await lookAt(sources, [...new Set(tasks.map((task) => task.hostId))]);
  return predict(tasks, edges, facts);
}

/** Before there is a plan: what a fix of these findings will have to restart, and who is connected to that. */
export async function previewFindings(sources: Sources, findings: readonly Finding[]): Promise<Impact> {
  const hostIds = [...new Set(findings.map((finding) => finding.hostId))];
  const { facts, edges } = await lookAt(sources, hostIds);
  const restarts = findings.flatMap((finding) => {
    const host = facts.find((known) => known.hostId === finding.hostId);
    return host ? restartsFor(finding, host) : [];
  });
  return assemble({ hosts: hostIds, packages: [], files: [], restarts, edges });
}

/** A whole host goes away: every service that listens or runs on it. */
export async function previewHosts(sources: Sources, hostIds: string[]): Promise<Impact> {
  const { facts, edges } = await lookAt(sources, hostIds);
  const restarts = facts.flatMap((host) =>
    unitsOf(host.facts).map((service) => ({ ...idOf(host), service, reason: 'its host restarts' })),
  );
  return assemble({ hosts: hostIds, packages: [], files: [], restarts, edges });
}

const idOf = (host: HostFacts): { hostId: string; hostName: string } => ({
  hostId: host.hostId,
  hostName: host.hostName,
});

function unitsOf(facts: Partial<Facts>): string[] {
  const units = [...(facts.sockets ?? []), ...(facts.connections ?? [])].flatMap((item) => item.unit ?? []);
  return [...new Set(units)].filter(isService);
}

function restartsFor(finding: Finding, host: HostFacts): Restart[] {
  const port = finding.endpoint === null ? null : Number(finding.endpoint.split(':').at(-1));
  const behind = (host.facts.sockets ?? []).filter((socket) => socket.port === port).flatMap((s) => s.unit ?? []);
  const units = [...servicesOfPackage(finding.component, host.facts), ...behind];
  const named = (host.facts.services ?? []).filter((service) => service.name === finding.component);
  return [...new Set([...units, ...named.map((service) => service.name)])].map((service) => ({
    ...idOf(host),
    service,
    reason: `${finding.title} (${finding.check})`,
  }));
}

/** Facts of the hosts, and the graph with their newest connections in it: read, and left as it is. */
async function lookAt(sources: Sources, hostIds: string[]): Promise<{ facts: HostFacts[]; edges: Edge[] }> {
  const { platform, discovery, audit } = sources;
  const facts: HostFacts[] = [];
  const known = new Map((await discovery.hosts({ ids: hostIds })).map((host) => [host.id, host.name]));
  for (const hostId of hostIds) {
    const { sections } = await audit.facts(hostId);
    facts.push({ hostId, hostName: known.get(hostId) ?? hostId, facts: sections });
  }
  const peers = facts.flatMap((host) => (host.facts.connections ?? []).map((fact) => plainAddress(fact.peerAddress)));
  const hosts = await resolveHosts(discovery, peers);
  const reports = facts.map(({ hostId, facts: own }) => {
    return { hostId, edges: observe(hostId, own.connections ?? [], hosts).edges };
  });
  const edges = overlay(await dependencyRows(platform.db), reports);
  return {
    facts,
    edges: [...(await named(discovery, edges)), ...facts.flatMap((host) => strangerEdges(host, hosts))],
  };
}

async function named(discovery: Discovery, edges: readonly StoredEdge[]): Promise<Edge[]> {
  const ids = [...new Set(edges.flatMap((edge) => [edge.clientHostId, edge.serverHostId]))];
  const names = new Map((ids.length > 0 ? await discovery.hosts({ ids }) : []).map((host) => [host.id, host.name]));
  return edges.map((edge) => ({
    ...edge,
    clientName: names.get(edge.clientHostId) ?? edge.clientHostId,
    serverName: names.get(edge.serverHostId) ?? edge.serverHostId,
  }));
}

/** Clients that are no known host are connected all the same: they are named by their address. */
function strangerEdges(host: HostFacts, known: ReadonlyMap<string, string>): Edge[] {
  const incoming = (host.facts.connections ?? []).filter((fact) => fact.direction === 'in');
  return incoming.flatMap((fact) => {
    const peer = plainAddress(fact.peerAddress);
    if (known.has(peer) || !isForeign(peer)) return [];
    return [
      {
        clientHostId: `address:${peer}`,
        clientName: peer,
        clientUnit: null,
        serverHostId: host.hostId,
        serverName: host.hostName,
        serverUnit: fact.unit,
        address: plainAddress(fact.localAddress),
        port: fact.localPort,
        connections: fact.count,
      },
    ];
  });
}
