import { networkInterfaces } from 'node:os';
import { neighbours as neighbourFacts } from '../../host/facts/neighbours.ts';
import { newLook } from '../../host/facts/look.ts';
import { readText, type Host } from '../../host/host.ts';

/** IPv4 address and prefix length of each interface that leads somewhere. */
export function ownSubnets(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const outside = all.filter(({ family, internal, cidr }) => family === 'IPv4' && !internal && cidr !== null);
  return [...new Set(outside.map(({ cidr }) => cidr!))].sort().slice(0, 64);
}

/** Who answered ARP: MAC by address. Null where the kernel does not tell. */
export async function readNeighbours(host: Host): Promise<Map<string, string> | null> {
  if ((await readText(host, '/proc/net/arp')) === null) return null;
  const rows = await neighbourFacts.collect(newLook(host));
  return new Map(rows.map(({ address, mac }) => [address, mac]));
}
