import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bogusAmong, newTraps } from '../logic/traps.ts';
import { type Disposable, listenWith, loopbackGuard } from '../probes/testing.ts';
import { lookAt } from './observe.ts';

/** Takes a second for whoever comes first, as one that looks up names does. */
function slowOnce(): Promise<Disposable> {
  let waits = 1000;
  return listenWith((socket) => {
    setTimeout(() => socket.end('good day\r\n'), waits);
    waits = 0;
  });
}

test('where a whole subnet is mute, a machine that takes a second to greet is heard on all its ports', async (t) => {
  const slow = await Promise.all(Array.from({ length: 6 }, slowOnce));
  t.after(() => Promise.all(slow.map((server) => server.close())));
  const traps = newTraps();
  traps.bySubnet.set('127.0.0', 8);
  const pairs = slow.map(({ port }) => ({ address: '127.0.0.1', port }));
  const looks = await lookAt(loopbackGuard(), pairs, () => new Date(), undefined, { traps });
  const heard = looks.map(({ result }) => result?.protocol === 'unknown' && result.banner.length > 0);
  assert.deepEqual(
    heard,
    Array.from({ length: 6 }, () => true),
  );
  assert.equal(bogusAmong(traps, looks).size, 0);
});
