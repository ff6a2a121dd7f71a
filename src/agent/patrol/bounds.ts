import { containsAddress, countAddresses, subtractIntervals } from '../../scan/logic/targets.ts';
import type { Interval } from '../../scan/logic/address.ts';
import {
  type Block,
  blockOf,
  intervalsOf,
  PATROL,
  patrolWindows,
  type PatrolWindows,
} from '../../scan/logic/patrol.ts';
import type { PatrolOrder } from '../../model/patrol.ts';

/** An order that the agent takes, cut to what it does at most. */
export interface BoundOrder {
  id: string;
  windows: PatrolWindows;
  from: number;
  ports: number[];
  rate: number;
  until: number;
  /** of servers that were seen there before */
  known: PatrolOrder['known'];
  /** Of these ranges, what the agent itself may look at: its own subnet, and nobody's but other machines' addresses. */
  within(ranges: readonly string[]): (address: string) => boolean;
}

export interface Self {
  /** address and prefix length of each interface; empty when this host looks at nobody */
  subnets: readonly string[];
  now: number;
}

/**
 * The last word is the host's own: a server can make it look at nothing but its directly attached subnets, slowly, and
 * for an hour at most. An order that asks for more is refused as a whole, since whoever wrote it did not mean this host.
 */
export function bound(order: PatrolOrder, self: Self): BoundOrder | { refused: string } {
  if (self.subnets.length === 0)
    return { refused: 'this host looks at nobody: its settings say so, or it is on no subnet' };
  const blocks = self.subnets.map(blockOf).filter((block) => block !== null);
  const own = blocks.map(({ interval }) => interval);
  const asked = read(order.ranges);
  if (!asked) return { refused: 'its ranges are not ranges of addresses' };
  const why = tooMuch(order, asked, own, blocks);
  if (why) return { refused: why };
  const until = Math.min(Date.parse(order.until), self.now + PATROL.life);
  if (!(until > self.now)) return { refused: 'its time is over' };
  const mine = new Set(self.subnets.map((cidr) => cidr.split('/')[0]!));
  return {
    id: order.id,
    windows: patrolWindows(order.ranges, order.seed),
    from: order.window,
    ports: [...new Set(order.ports)],
    rate: Math.min(order.rate, PATROL.rate),
    until,
    known: order.known,
    within: (ranges) => {
      const still = read(ranges) ?? [];
      return (address) =>
        !mine.has(address) &&
        containsAddress(own, address) &&
        containsAddress(asked, address) &&
        containsAddress(still, address);
    },
  };
}

function tooMuch(
  order: PatrolOrder,
  asked: readonly Interval[],
  own: readonly Interval[],
  blocks: readonly Block[],
): string | null {
  if (asked.length === 0) return 'it asks for nothing';
  if (subtractIntervals(asked, own).length > 0)
    return `it asks for addresses outside of the subnets of this host (${blocks.map(({ block }) => block).join(', ') || 'none'})`;
  if (countAddresses(asked) > BigInt(PATROL.addresses)) return `it asks for more than ${PATROL.addresses} addresses`;
  if (order.ports.length > PATROL.ports) return `it asks for more than ${PATROL.ports} ports`;
  return null;
}

function read(ranges: readonly string[]): Interval[] | null {
  try {
    return intervalsOf(ranges);
  } catch {
    return null;
  }
}
