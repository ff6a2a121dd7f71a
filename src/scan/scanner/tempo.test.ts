import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newBucket, newRtt, takeThere } from '../logic/pace.ts';
import { newRetries } from '../logic/retries.ts';
import { newSubnets } from '../logic/subnets.ts';
import { parseTargets } from '../logic/targets.ts';
import { newTempo } from '../logic/tempo.ts';
import { scanOrder } from '../logic/windows.ts';
import { freePort, listenWith } from '../probes/testing.ts';
import { type Connector, SEND } from './connector.ts';
import { createGuard } from './guard.ts';
import { chooseConnector } from './native/choose.ts';
import { type Pair, sweep } from './sweep.ts';

/** A link in between that bears so much a second and drops the rest without a word. */
function narrow(inner: Connector, capacity: number): Connector & { dropped: number } {
  const link = newBucket(capacity, performance.now());
  const outer = {
    ...inner,
    dropped: 0,
    [SEND]: (
      knocks: Parameters<Connector[typeof SEND]>[0],
      how: Parameters<Connector[typeof SEND]>[1],
      rate: number,
    ) => {
      const through = takeThere(link, knocks.length, performance.now());
      for (const { id, timeoutMs } of knocks.slice(through)) {
        outer.dropped += 1;
        setTimeout(() => how.answered([{ id, verdict: 'silent', ms: timeoutMs }]), timeoutMs);
      }
      if (through > 0) inner[SEND](knocks.slice(0, through), how, rate);
    },
  };
  return outer;
}

test('where a link drops what is too much, a sweep slows down, says why, and misses nothing', async (t) => {
  const { connector } = await chooseConnector('epoll');
  if (!connector) return t.skip('the kernel’s own calls cannot be made here');
  t.after(() => connector.close());
  const server = await listenWith((socket) => socket.destroy(), '0.0.0.0');
  t.after(() => server.close());
  const closed = await freePort();
  const link = narrow(connector, 250);
  const tempo = newTempo(1000, performance.now());
  const bucket = newBucket(1000, performance.now());
  const guard = createGuard({ allows: () => true, bucket, tempo, connector: link });
  const seen: { now: number; why: string }[] = [];
  const open: Pair[] = [];
  const finished = await sweep({
    guard,
    from: 0,
    to: 1206,
    pairAt: (index) => ({
      address: `127.77.${1 + (index % 2)}.${1 + (Math.floor(index / 2) % 100)}`,
      port: index % 9 === 0 ? server.port : closed,
    }),
    rtt: newRtt(),
    retries: newRetries(),
    tempo,
    report: async (progress) => {
      open.push(...progress.open);
      seen.push({ now: tempo.now, why: tempo.why });
      return true;
    },
  });
  assert.ok(finished);
  assert.equal(open.length, 134, 'every open port was found');
  assert.ok(link.dropped > 100, `${link.dropped} were dropped`);
  assert.ok(Math.min(...seen.map(({ now }) => now)) <= 250, seen.map(({ now }) => now).join(' '));
  assert.ok(seen.some(({ why }) => why.startsWith('packets get lost: ')));
});

/** Packet filters in between: what they stand before is silent, and nothing else gets lost. */
function filtered(inner: Connector, isFiltered: (port: number) => boolean): Connector & { sent: number } {
  const outer = {
    ...inner,
    sent: 0,
    [SEND]: (
      knocks: Parameters<Connector[typeof SEND]>[0],
      how: Parameters<Connector[typeof SEND]>[1],
      rate: number,
    ) => {
      outer.sent += knocks.length;
      const through = knocks.filter(({ port }) => !isFiltered(port));
      for (const { id, port, timeoutMs } of knocks)
        if (isFiltered(port)) setTimeout(() => how.answered([{ id, verdict: 'silent', ms: timeoutMs }]), timeoutMs);
      if (through.length > 0) inner[SEND](through, how, rate);
    },
  };
  return outer;
}

test('what packet filters keep quiet about is no loss, though silence is known later than answers are', async (t) => {
  const { connector } = await chooseConnector('epoll');
  if (!connector) return t.skip('the kernel’s own calls cannot be made here');
  t.after(() => connector.close());
  const link = filtered(connector, (port) => port % 2 === 1);
  const order = scanOrder(
    parseTargets(['127.77.4.0/26']).intervals,
    Array.from({ length: 60 }, (_, i) => 20_001 + i),
    7,
  );
  const tempo = newTempo(1500, performance.now());
  const bucket = newBucket(1500, performance.now());
  const whys = new Set<string>();
  const finished = await sweep({
    guard: createGuard({ allows: () => true, bucket, tempo, connector: link }),
    from: 0,
    to: order.pairsIn(0),
    pairAt: (index) => order.pairAt(0, index),
    rtt: newRtt(),
    retries: newRetries(),
    tempo,
    reportEveryMs: 100,
    report: async () => {
      whys.add(/more silence/.test(tempo.why) ? 'silence' : 'none');
      return true;
    },
  });
  assert.ok(finished);
  // On a busy machine an answer may come late; silence must not be taken for a rise all the same.
  assert.ok(!whys.has('silence'), [...whys].join());
  assert.ok(link.sent < order.pairs * 1.7, `${link.sent} packets for ${order.pairs} ports`);
});

test('1.1: a guard keeps the rate of each /24 besides that of the whole', async (t) => {
  const times = new Map<string, number[]>();
  const server = await listenWith((socket) => {
    const subnet = (socket.localAddress ?? '').split('.')[2]!;
    times.set(subnet, [...(times.get(subnet) ?? []), performance.now()]);
    socket.destroy();
  }, '0.0.0.0');
  t.after(() => server.close());
  const guard = createGuard({
    allows: () => true,
    bucket: newBucket(2000, performance.now()),
    subnets: newSubnets(100),
  });
  const began = performance.now();
  await sweep({
    guard,
    from: 0,
    to: 300,
    pairAt: (index) => ({ address: `127.78.${index % 3}.${1 + Math.floor(index / 3)}`, port: server.port }),
    rtt: newRtt(),
    report: async () => true,
  });
  // 10 at once and then 100 a second, in each of three.
  assert.ok(performance.now() - began > 850, `took ${performance.now() - began} ms`);
  assert.equal(times.size, 3);
  for (const [subnet, heard] of times)
    for (const [index, at] of heard.entries())
      assert.ok(index < 10 + 20 + 0.1 * (at - began), `${index + 1} in ${subnet} within ${at - began} ms`);
});
