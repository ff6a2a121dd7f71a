/** Who uses whose service. Units are null where the side that saw the connection does not know them. */
export interface Edge {
  clientHostId: string;
  clientName: string;
  clientUnit: string | null;
  serverHostId: string;
  serverName: string;
  serverUnit: string | null;
  address: string;
  port: number;
  connections: number;
}

/** Edges by where they begin and where they end: a plan asks about thousands of services. */
export interface Graph {
  byClient: ReadonlyMap<string, readonly Edge[]>;
  byServer: ReadonlyMap<string, readonly Edge[]>;
}

export const graphOf = (edges: readonly Edge[]): Graph => ({
  byClient: Map.groupBy(edges, (edge) => edge.clientHostId),
  byServer: Map.groupBy(edges, (edge) => edge.serverHostId),
});

export interface Service {
  hostId: string;
  unit: string | null;
}

export interface Dependant {
  hostId: string;
  hostName: string;
  unit: string | null;
  connections: number;
  /** hops from the service; 1 = it holds the connection itself */
  distance: number;
}

/** An unknown unit may be any unit of the host: rather one dependant too many than one nobody warned. */
function sameUnit(a: string | null, b: string | null): boolean {
  return a === null || b === null || a === b;
}

const keyOf = (service: Service): string => `${service.hostId}\n${service.unit ?? ''}`;

/**
 * Everyone who depends on the service, directly or through others, nearest first. Breadth first, so the first distance
 * found is the shortest, and a circle of services ends where it began.
 */
export function dependants({ byServer }: Graph, service: Service): Dependant[] {
  const found = new Map<string, Dependant>();
  const seen = new Set([keyOf(service)]);
  let front: Service[] = [service];
  for (let distance = 1; front.length > 0; distance++) {
    const next: Service[] = [];
    const incoming = front.flatMap((at) =>
      (byServer.get(at.hostId) ?? []).filter((edge) => sameUnit(edge.serverUnit, at.unit)),
    );
    for (const edge of new Set(incoming)) {
      const client = { hostId: edge.clientHostId, unit: edge.clientUnit };
      const known = found.get(keyOf(client));
      if (known?.distance === distance) known.connections += edge.connections;
      if (seen.has(keyOf(client))) continue;
      seen.add(keyOf(client));
      found.set(keyOf(client), { ...client, hostName: edge.clientName, connections: edge.connections, distance });
      next.push(client);
    }
    front = next;
  }
  return [...found.values()].toSorted(
    (a, b) => a.distance - b.distance || b.connections - a.connections || a.hostName.localeCompare(b.hostName),
  );
}

/** Other hosts that the service's own clients use on the same port: where they may turn while it restarts. */
export function alternatives({ byClient, byServer }: Graph, service: Service): { hostId: string; hostName: string }[] {
  const own = (byServer.get(service.hostId) ?? []).filter((e) => sameUnit(e.serverUnit, service.unit));
  const clients = new Set(own.map((edge) => edge.clientHostId));
  const ports = new Set(own.map((edge) => edge.port));
  const others = [...clients]
    .flatMap((client) => byClient.get(client) ?? [])
    .filter((e) => e.serverHostId !== service.hostId && ports.has(e.port));
  const hosts = new Map(others.map((edge) => [edge.serverHostId, edge.serverName]));
  return [...hosts].map(([hostId, hostName]) => ({ hostId, hostName }));
}
