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
export const WHOLE = 16;
/** One network card that answers for more addresses than this answers for others. */
const MOST_OF_ONE = 8;

/** What a run has met so far: a word for each subnet with an answer, a number for each network card. */
export interface Neighbours {
  /** does one thing answer for all of it? */
  whole: Map<string, boolean>;
  byMac: Map<string, number>;
}

export const newNeighbours = (): Neighbours => ({ whole: new Map(), byMac: new Map() });

/**
 * Subnets of which everything answered that was asked here, and of which nothing is known yet: a scan asks a few
 * addresses of each at a time, so that others must be asked before anything there counts. One that stayed silent
 * settles it.
 */
export function toJudge({ whole }: Neighbours, asked: readonly string[], answered: ReadonlySet<string>): string[] {
  const bySubnet = Map.groupBy(asked, subnetOf);
  const open: string[] = [];
  for (const subnet of new Set([...answered].map(subnetOf))) {
    if (whole.has(subnet)) continue;
    if (bySubnet.get(subnet)?.every((address) => answered.has(address))) open.push(subnet);
    else whole.set(subnet, false);
  }
  return open;
}

/** Who is there by itself, and how many addresses something else answers for. Who is `known` there stays. */
export function reallyUp(
  { whole, byMac }: Neighbours,
  up: readonly Up[],
  known: ReadonlySet<string>,
): { up: Up[]; bogus: number } {
  for (const { mac } of up) if (mac !== undefined) byMac.set(mac, (byMac.get(mac) ?? 0) + 1);
  const own = up.filter(
    ({ address, mac }) =>
      known.has(address) ||
      (whole.get(subnetOf(address)) !== true && (mac === undefined || byMac.get(mac)! <= MOST_OF_ONE)),
  );
  return { up: own, bogus: up.length - own.length };
}
