/** `node walker.ts ORDER REPLIES`: takes an order and walks, in the network that it is started in. Prints what it tells, a line each. */
import { localHost } from '../../../host/local.ts';
import { type PatrolOrder, PatrolReport } from '../../../model/patrol.ts';
import { bound } from '../bounds.ts';
import { ownSubnets, readNeighbours } from '../subnets.ts';
import { walk } from '../walk.ts';

const order = JSON.parse(process.argv[2]!) as PatrolOrder;
/** what the server still allows, by report; the last one again and again */
const replies = JSON.parse(process.argv[3]!) as string[][];
const say = (what: unknown): void => void process.stdout.write(`${JSON.stringify(what)}\n`);

const now = (): Date => new Date();
const bounded = bound(order, { subnets: ownSubnets(), now: Date.now() });
if ('refused' in bounded) say({ ended: { how: 'refused', why: bounded.refused } });
else {
  const host = localHost();
  const ended = await walk(bounded, order.ranges, {
    neighbours: () => readNeighbours(host),
    signal: new AbortController().signal,
    now,
    report: async (body) => {
      say({ report: PatrolReport.parse(body) });
      const ranges = replies.length > 1 ? replies.shift()! : replies[0]!;
      return { ranges, why: ranges.length === 0 ? 'the test says so' : null };
    },
  });
  say({ ended });
}
