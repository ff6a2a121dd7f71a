/**
 * Runs in the lab's namespace: finds the open ports of these addresses and looks at them, as a scan does. Standard input
 * has what to try, standard output what was seen, both JSON.
 */
import { json } from 'node:stream/consumers';
import { newBucket, newRtt } from '../../../src/scan/logic/pace.ts';
import { newRetries } from '../../../src/scan/logic/retries.ts';
import type { Look } from '../../../src/scan/look.ts';
import { createGuard } from '../../../src/scan/scanner/guard.ts';
import { lookAt } from '../../../src/scan/scanner/observe.ts';
import { lookAtUdp } from '../../../src/scan/scanner/observe-udp.ts';
import { type Pair, sweep } from '../../../src/scan/scanner/sweep.ts';

export interface LookInput {
  addresses: string[];
  ports: number[];
  udp: Pair[];
}
export interface LookResult {
  /** what it took to find the open ports and to read them */
  ms: number;
  looks: Look[];
  udp: Look[];
}

if (import.meta.main) {
  const { addresses, ports, udp } = (await json(process.stdin)) as LookInput;
  const allowed = new Set(addresses);
  const guard = createGuard({
    allows: (address) => allowed.has(address),
    bucket: newBucket(2000, performance.now()),
  });
  const open: Pair[] = [];
  const began = performance.now();
  await sweep({
    guard,
    from: 0,
    to: addresses.length * ports.length,
    pairAt: (index) => ({
      address: addresses[index % addresses.length]!,
      port: ports[Math.floor(index / addresses.length)]!,
    }),
    rtt: newRtt(),
    retries: newRetries(),
    report: async (progress) => (open.push(...progress.open), true),
  });
  const looks = await lookAt(guard, open, () => new Date());
  const result: LookResult = {
    ms: Math.round(performance.now() - began),
    looks,
    udp: await lookAtUdp(guard, udp, () => new Date()),
  };
  process.stdout.write(JSON.stringify(result));
}
