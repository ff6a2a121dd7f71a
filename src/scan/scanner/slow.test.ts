import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newBucket, newRtt } from '../logic/pace.ts';
import { newRetries } from '../logic/retries.ts';
import { type Connector, DROP, type Knock, SEND } from './connector.ts';
import { createGuard } from './guard.ts';
import { sweep } from './sweep.ts';

const FAR = '10.91.1.';

/**
 * Every port is open; what is far answers after so long. A try that is over hears nothing any more, unless single packets
 * are sent: then the answer to the earlier one counts for the later one, if that is waited for.
 */
function far(path: Connector['path'], ms: number): Connector {
  const sentFirst = new Map<string, number>();
  const wayOf = ({ address, port }: Knock): string => `${address} ${port}`;
  const takes = (knock: Knock): number => {
    if (!knock.address.startsWith(FAR) && !knock.address.includes(':')) return 1;
    const now = performance.now();
    const first = sentFirst.get(wayOf(knock)) ?? now;
    sentFirst.set(wayOf(knock), first);
    const isHeard = path === 'syn' && !knock.address.includes(':');
    return isHeard ? first + ms - now : ms;
  };
  return {
    path,
    why: 'a test',
    width: 1000,
    [SEND]: (knocks, how) => {
      for (const knock of knocks) {
        const takesMs = takes(knock);
        const isOpen = takesMs <= knock.timeoutMs;
        const wait = isOpen ? takesMs : knock.timeoutMs;
        setTimeout(() => how.answered([{ id: knock.id, verdict: isOpen ? 'open' : 'silent', ms: wait }]), wait);
      }
    },
    [DROP]: () => undefined,
    close: async () => undefined,
  };
}

const farAddress = (path: Connector['path'], family: number, index: number): string =>
  family === 6 ? `2001:db8::${path.length}:${index}` : `${FAR}${index}`;

for (const [path, family] of [
  ['portable', 4],
  ['epoll', 4],
  ['syn', 4],
  ['syn', 6],
] as const)
  test(`1.1: what answers after 270 ms is found among many that are quick (${path}, IPv${family})`, async () => {
    const guard = createGuard({
      allows: () => true,
      bucket: newBucket(2000, performance.now()),
      connector: far(path, 270),
    });
    const open: string[] = [];
    // The far ones are asked when it is known how quick all others are.
    const addressOf = (index: number): string =>
      index < 400 ? `10.91.0.${index % 200}` : farAddress(path, family, index - 400);
    const isOver = await sweep({
      guard,
      from: 0,
      to: 420,
      pairAt: (index) => ({ address: addressOf(index), port: 1 + index }),
      rtt: newRtt(),
      retries: newRetries(),
      report: async (progress) => (open.push(...progress.open.map(({ address }) => address)), true),
    });
    assert.ok(isOver);
    assert.equal(open.length, 420);
  });
