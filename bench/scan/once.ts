/** One scan as the server does it, window by window, without its database: prints what was open and what it took. */
import { scanOrder } from '../../src/scan/logic/windows.ts';
import { newBucket, newRtt } from '../../src/scan/logic/pace.ts';
import { parsePorts } from '../../src/scan/logic/ports.ts';
import { containsAddress, parseTargets } from '../../src/scan/logic/targets.ts';
import { createGuard } from '../../src/scan/scanner/guard.ts';
import { sweep } from '../../src/scan/scanner/sweep.ts';

const { cidr, ports, rate } = JSON.parse(process.argv[2]!) as { cidr: string; ports: string; rate: number };
const { intervals } = parseTargets([cidr]);
const order = scanOrder(intervals, parsePorts(ports), 42);
const open: string[] = [];
const began = performance.now();
const guard = createGuard({
  allows: (address) => containsAddress(intervals, address),
  bucket: newBucket(rate, performance.now()),
});
for (let window = 0; window < order.windows; window++) {
  await sweep({
    guard,
    from: 0,
    to: order.pairsIn(window),
    pairAt: (index) => order.pairAt(window, index),
    rtt: newRtt(),
    concurrency: 200,
    report: async (progress) => {
      for (const { address, port } of progress.open) open.push(`${address}:${port}`);
      return true;
    },
  });
}
const seconds = (performance.now() - began) / 1000;
console.log(JSON.stringify({ seconds, open: open.sort(), path: 'portable', rssMb: process.memoryUsage().rss / 2 ** 20, maxRssMb: process.resourceUsage().maxRSS / 1024 }));
