import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LONGEST_TIMEOUT, newBucket, newRtt, observeRtt, SHORTEST_TIMEOUT, takeTokens, timeoutOf } from './pace.ts';
import { permutation } from './permutation.ts';
import { isTriedAgain, newRetries, observeTry, timeoutAt } from './retries.ts';
import { parseTargets } from './targets.ts';
import { scanOrder } from './windows.ts';

test('a permutation takes every number once, whatever the size and seed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 0, max: 2 ** 31 }), (size, seed) => {
      const next = permutation(size, seed);
      const seen = new Set(Array.from({ length: size }, (_, index) => next(index)));
      assert.equal(seen.size, size);
      assert.ok([...seen].every((value) => value >= 0 && value < size));
    }),
    { numRuns: 60 },
  );
});

test('a permutation of 2^48 items costs nothing and stays inside', () => {
  const next = permutation(2 ** 48, 7);
  const values = Array.from({ length: 1000 }, (_, index) => next(index));
  assert.equal(new Set(values).size, 1000);
  assert.ok(values.every((value) => Number.isSafeInteger(value) && value >= 0 && value < 2 ** 48));
  // A random order is not the given one: neighbours end up far apart.
  const near = values.filter((value, index) => index > 0 && Math.abs(value - values[index - 1]!) < 2 ** 32);
  assert.ok(near.length < 10, `${near.length} neighbours stayed near`);
});

const rates = fc.integer({ min: 1, max: 1_000_000 });

test('a scan covers every pair of address and port exactly once, in an order that repeats', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 20, max: 32 }),
      fc.integer({ min: 1, max: 40 }),
      fc.nat(),
      rates,
      (bits, count, seed, rate) => {
        const { intervals } = parseTargets([`10.1.0.0/${bits}`, '10.9.9.9']);
        const ports = Array.from({ length: count }, (_, i) => 1000 + i);
        const order = scanOrder(intervals, ports, seed, rate);
        const again = scanOrder(intervals, ports, seed, rate);
        const seen = new Set<string>();
        for (let window = 0; window < order.windows; window++) {
          const inWindow = new Set(order.addressesIn(window));
          for (let index = 0; index < order.pairsIn(window); index++) {
            const pair = order.pairAt(window, index);
            if (index % 97 === 0) assert.deepEqual(again.pairAt(window, index), pair);
            assert.ok(inWindow.has(pair.address), 'a host is complete within one window');
            seen.add(`${pair.address} ${pair.port}`);
          }
        }
        assert.equal(seen.size, (2 ** (32 - bits) + 1) * count);
        assert.equal(order.pairs, seen.size);
      },
    ),
    { numRuns: 12 },
  );
});

test('1.1: the bucket never lets through more than its rate and one burst', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5000 }),
      fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 20, maxLength: 400 }),
      (rate, gaps) => {
        const bucket = newBucket(rate, 0);
        let now = 0;
        const sent: number[] = [];
        for (const gap of gaps) {
          now += gap;
          sent.push(now + takeTokens(bucket, 1, now));
        }
        const burst = Math.max(1, Math.floor(rate / 10));
        for (const start of sent) {
          const within = sent.filter((at) => at >= start && at < start + 1000).length;
          assert.ok(within <= rate + burst + 1, `${within} in a second at rate ${rate}`);
        }
      },
    ),
    { numRuns: 50 },
  );
});

test('the timeout follows the round trips within its bounds', () => {
  const rtt = newRtt();
  assert.equal(timeoutOf(rtt), 1000);
  for (let i = 0; i < 50; i++) observeRtt(rtt, 2);
  assert.equal(timeoutOf(rtt), SHORTEST_TIMEOUT);
  for (let i = 0; i < 50; i++) observeRtt(rtt, 500);
  assert.ok(timeoutOf(rtt) >= 500 && timeoutOf(rtt) <= LONGEST_TIMEOUT);
  for (let i = 0; i < 50; i++) observeRtt(rtt, 60_000);
  assert.equal(timeoutOf(rtt), LONGEST_TIMEOUT);
});

test('silence is asked once more than ever helped, and four times at the most, each time with more patience', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 })),
      fc.array(fc.integer({ min: 1, max: 2000 })),
      fc.boolean(),
      (helped, samples, hearsEarlier) => {
        const [retries, rtt] = [newRetries(), newRtt()];
        for (const tries of helped) observeTry(retries, tries);
        const most = Array.from({ length: 12 }, (_, i) => i + 1).find((tries) => !isTriedAgain(retries, tries))!;
        assert.equal(most, Math.min(4, Math.max(1, ...helped) + 1));
        for (const sample of samples) observeRtt(rtt, sample);
        for (let tries = 1; tries < 4; tries++) {
          const [one, next] = [tries, tries + 1].map((n) => timeoutAt(rtt, n, retries, hearsEarlier));
          assert.ok(one! >= 100 && next! >= one! && next! <= LONGEST_TIMEOUT);
          // Whoever answers to the first try and is late has 300 ms, whatever becomes of that try.
          const heard = hearsEarlier ? timeoutAt(rtt, 1, retries, true) : 0;
          assert.ok(heard + timeoutAt(rtt, 2, retries, hearsEarlier) >= 300);
        }
      },
    ),
    { numRuns: 100 },
  );
});

test('10.0.0.0/8 with thousands of ports is described in constant memory, and any place of it is found at once', () => {
  const { intervals } = parseTargets(['10.0.0.0/8']);
  const ports = Array.from({ length: 4096 }, (_, i) => i + 1);
  const order = scanOrder(intervals, ports, 3, 1000);
  assert.equal(order.pairs, 2 ** 24 * 4096);
  const before = process.memoryUsage().heapUsed;
  const seen = new Set<string>();
  for (let step = 0; step < 2000; step++) {
    const window = Math.floor((order.windows * step) / 2000);
    const { address, port } = order.pairAt(window, step % order.pairsIn(window));
    assert.match(address, /^10\./);
    assert.ok(port >= 1 && port <= 4096);
    seen.add(address);
  }
  assert.ok(seen.size > 1900, 'windows are at different places');
  assert.ok(process.memoryUsage().heapUsed - before < 32 * 2 ** 20);
});
