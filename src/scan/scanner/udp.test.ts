import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { isAppError } from '../../model/errors/index.ts';
import { newBucket } from '../logic/pace.ts';
import { createGuard } from './guard.ts';
import { lookAtUdp, sweepUdp } from './observe-udp.ts';
import { exchange } from './udp.ts';

async function serve(
  t: TestContext,
  answer: (bytes: Buffer, from: RemoteInfo, socket: Socket) => void,
): Promise<number> {
  const socket = createSocket('udp4', (bytes, from) => answer(bytes, from, socket));
  t.after(() => socket.close());
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket.address().port;
}

const guardFor = (allowed: Set<string>, rate = 1000) =>
  createGuard({ allows: (address) => allowed.has(address), bucket: newBucket(rate, performance.now()) });
const HELLO = Buffer.from('hello');

test('a datagram goes to what is allowed and nowhere else', async (t) => {
  let heard = 0;
  const port = await serve(t, () => heard++);
  const guard = guardFor(new Set(['127.0.0.9']));
  for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '0x7f.1', 'localhost'])
    await assert.rejects(guard.exchange(address, port, HELLO, { timeoutMs: 50 }), (error) =>
      isAppError(error, 'ADDRESS_NOT_ALLOWED'),
    );
  assert.equal(heard, 0);
});

test('what is excluded meanwhile is ended', async (t) => {
  const port = await serve(t, () => undefined);
  const allowed = new Set(['127.0.0.1']);
  const guard = guardFor(allowed);
  const asking = guard.exchange('127.0.0.1', port, HELLO, { timeoutMs: 5000 });
  setTimeout(() => {
    allowed.clear();
    guard.recheck();
  }, 30);
  const began = performance.now();
  await assert.rejects(asking, (error) => isAppError(error, 'ADDRESS_NOT_ALLOWED'));
  assert.ok(performance.now() - began < 2000);
});

test('datagrams are paid for from the bucket', async (t) => {
  const port = await serve(t, (bytes, from, socket) => socket.send(bytes, from.port, from.address));
  const guard = guardFor(new Set(['127.0.0.1']), 100);
  const began = performance.now();
  await Promise.all(Array.from({ length: 40 }, () => guard.exchange('127.0.0.1', port, HELLO, { timeoutMs: 500 })));
  // 10 at once, then 100 a second.
  assert.ok(performance.now() - began > 280, `${performance.now() - began} ms`);
});

test('a flood, a stranger’s answer and a closed port cost little', async (t) => {
  const guard = guardFor(new Set(['127.0.0.1']));
  const flood = await serve(t, (_, from, socket) => {
    for (let count = 0; count < 2000; count++) socket.send(Buffer.alloc(1400), from.port, from.address);
  });
  const flooded = await guard.exchange('127.0.0.1', flood, HELLO, { timeoutMs: 500 });
  assert.ok(Buffer.concat(flooded.answers).length <= 16 * 1024);
  const stranger = createSocket('udp4');
  t.after(() => stranger.close());
  const other = await serve(t, (_, from) => stranger.send(HELLO, from.port, from.address));
  assert.deepEqual(await guard.exchange('127.0.0.1', other, HELLO, { timeoutMs: 200 }), {
    answers: [],
    refused: false,
  });
  const began = performance.now();
  assert.deepEqual(await guard.exchange('127.0.0.1', 1, HELLO, { timeoutMs: 3000 }), { answers: [], refused: true });
  assert.ok(performance.now() - began < 1000, 'that nobody listens is heard at once');
});

test('a datagram that cannot be sent is silence, and ends nothing', async () => {
  // Without a zone a link-local address leads nowhere.
  const sent = await exchange('fe80::1', 53, HELLO, { timeoutMs: 500, moreMs: 10, maxBytes: 1024 });
  assert.deepEqual(sent, { answers: [], refused: false });
});

test('only ports that a protocol lives on are asked, and silence is no endpoint', async (t) => {
  const port = await serve(t, (bytes, from, socket) => socket.send(bytes, from.port, from.address));
  const guard = guardFor(new Set(['127.0.0.1']));
  const looks = await lookAtUdp(
    guard,
    [
      { address: '127.0.0.1', port },
      { address: '127.0.0.1', port: 623 },
    ],
    () => new Date(),
  );
  assert.deepEqual(looks, []);
});

test('a walk over UDP that is stopped goes on with what it had not finished, and finds each that answers once', async () => {
  const guard = guardFor(new Set());
  const asked: number[] = [];
  const pairAt = (index: number) => (asked.push(index), { address: `127.0.0.${index % 250}`, port: 623 });
  let cursor = 0;
  const stopped = await sweepUdp({
    guard,
    from: 0,
    to: 2000,
    pairAt,
    report: async (progress) => ((cursor = progress.cursor), false),
    reportEveryMs: 1,
  });
  assert.equal(stopped, false);
  const first = new Set(asked);
  for (let index = 0; index < cursor; index++) assert.ok(first.has(index), `${index} was passed over`);
  asked.length = 0;
  const end = await sweepUdp({ guard, from: cursor, to: 2000, pairAt, report: async () => true });
  assert.deepEqual([end, new Set(asked).size], [true, 2000 - cursor]);
});
