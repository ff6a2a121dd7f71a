import { subnetOf } from './subnets.ts';

/** How an address without an open port was seen. */
export interface Up {
  address: string;
  how: 'icmp' | 'arp';
  mac?: string | undefined;
  /** hops that the answer had left */
  ttl?: number | undefined;
}

/** A subnet of which at least so many were asked and each of them answered is answered for by one thing. */
const WHOLE = 16;
/** One network card that answers for more addresses than this answers for others. */
const MOST_OF_ONE = 8;

/** Who is there by itself, and how many addresses something else answers for. */
export function reallyUp(asked: readonly string[], up: readonly Up[]): { up: Up[]; bogus: number } {
  const bySubnet = Map.groupBy(up, ({ address }) => subnetOf(address));
  const askedIn = Map.groupBy(asked, subnetOf);
  const byMac = Map.groupBy(up, ({ mac }) => mac);
  const own = up.filter(({ address, mac }) => {
    const subnet = subnetOf(address);
    const [all, there] = [askedIn.get(subnet)!.length, bySubnet.get(subnet)!.length];
    return !(all >= WHOLE && there === all) && (mac === undefined || byMac.get(mac)!.length <= MOST_OF_ONE);
  });
  return { up: own, bogus: up.length - own.length };
}
