import { existsSync, readdirSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { neighbours as neighbourFacts } from '../../host/facts/neighbours.ts';
import { newLook } from '../../host/facts/look.ts';
import { readText, type Host } from '../../host/host.ts';

const INTERFACES = '/sys/class/net';

/** IPv4 address and prefix length of each interface that leads somewhere. */
export function ownSubnets(sys = INTERFACES): string[] {
  const outside = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    isWithin(name, sys) ? [] : (addresses ?? []).filter(({ family, internal }) => family === 'IPv4' && !internal),
  );
  return [...new Set(outside.flatMap(({ cidr }) => cidr ?? []))].sort().slice(0, 64);
}

/**
 * A bridge that nothing outside is plugged into has this machine's own containers and guests on it. Others have bridges with
 * the very same addresses, and are no neighbours. Where the kernel shows nothing, an interface counts as leading out.
 */
export function isWithin(name: string, sys = INTERFACES): boolean {
  const members = namesIn(`${sys}/${name}/brif`);
  return members !== null && !members.some((member) => leadsOut(member, sys));
}

/** A network card, or something on top of one. The two ends of a pair and what a guest is plugged into are neither. */
function leadsOut(name: string, sys: string): boolean {
  if (existsSync(`${sys}/${name}/device`)) return true;
  const below = (namesIn(`${sys}/${name}`) ?? []).flatMap((one) => (one.startsWith('lower_') ? one.slice(6) : []));
  return below.some((one) => leadsOut(one, sys));
}

function namesIn(directory: string): string[] | null {
  try {
    return readdirSync(directory);
  } catch {
    return null;
  }
}

/** Who answered ARP: MAC by address. Null where the kernel does not tell. */
export async function readNeighbours(host: Host): Promise<Map<string, string> | null> {
  if ((await readText(host, '/proc/net/arp')) === null) return null;
  const rows = await neighbourFacts.collect(newLook(host));
  return new Map(rows.map(({ address, mac }) => [address, mac]));
}
