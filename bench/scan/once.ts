/** One scan as the server does it, window by window, without its database: prints what was open and what it took. */
import { newBucket, newRtt } from '../../src/scan/logic/pace.ts';
import { parsePorts } from '../../src/scan/logic/ports.ts';
import { lookupOf } from '../../src/scan/logic/lookup.ts';
import { newRetries } from '../../src/scan/logic/retries.ts';
import { newSubnets } from '../../src/scan/logic/subnets.ts';
import { parseTargets } from '../../src/scan/logic/targets.ts';
import { newTempo } from '../../src/scan/logic/tempo.ts';
import { scanOrder } from '../../src/scan/logic/windows.ts';
import { createGuard, type Guard } from '../../src/scan/scanner/guard.ts';
import { chooseConnector, type WantedPath } from '../../src/scan/scanner/native/choose.ts';
import { sweep } from '../../src/scan/scanner/sweep.ts';

const { cidr, ports, rate, path } = JSON.parse(process.argv[2]!) as {
  cidr: string;
  ports: string;
  rate: number;
  path: WantedPath;
};
const { intervals } = parseTargets([cidr]);
const order = scanOrder(intervals, parsePorts(ports), 42, rate);
const open: string[] = [];
const began = performance.now();
const chosen = await chooseConnector(path);
const inScan = lookupOf(intervals);
const tempo = newTempo(rate, performance.now());
const guard = createGuard({
  connector: chosen.connector,
  allows: (address) => inScan.has(address),
  bucket: newBucket(rate, performance.now()),
  subnets: newSubnets(rate),
  tempo,
});
let packets = 0;
const counted: Guard = { ...guard, knock: (knocks, how) => ((packets += knocks.length), guard.knock(knocks, how)) };
const rtt = newRtt();
const retries = newRetries();
for (let window = 0; window < order.windows; window++) {
  await sweep({
    guard: counted,
    from: 0,
    to: order.pairsIn(window),
    pairAt: (index) => order.pairAt(window, index),
    rtt,
    retries,
    tempo,
    report: async (progress) => {
      for (const { address, port } of progress.open) open.push(`${address}:${port}`);
      return true;
    },
  });
}
const seconds = (performance.now() - began) / 1000;
await chosen.connector?.close();
const { path: taken, why } = chosen;
const rssMb = process.resourceUsage().maxRSS / 1024;
process.stdout.write(JSON.stringify({ seconds, packets, open: open.sort(), path: taken, why, rssMb }));
