import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newSharedSubnets, newSubnets, subnetOf, takeAt } from './subnets.ts';
import { parseTargets } from './targets.ts';
import { scanOrder } from './windows.ts';

test('1.1: no /24 and no /64 gets more than its rate, however many addresses of it are asked', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2000 }),
      fc.array(fc.record({ subnet: fc.nat(3), count: fc.integer({ min: 1, max: 20 }) }), { maxLength: 200 }),
      fc.boolean(),
      (rate, batches, isV6) => {
        const subnets = newSubnets(rate);
        const sent = new Map<number, number[]>();
        let now = 0;
        for (const { subnet, count } of batches) {
          const addresses = Array.from({ length: count }, (_, i) =>
            isV6 ? `2001:db8:0:${subnet + 1}::${i + 1}` : `10.0.${subnet}.${i}`,
          );
          now += takeAt(subnets, addresses, now);
          sent.set(subnet, [...(sent.get(subnet) ?? []), ...addresses.map(() => now)]);
        }
        for (const times of sent.values())
          for (const [index, at] of times.entries())
            assert.ok(index + 1 <= Math.max(1, rate / 10) + 20 + (at / 1000) * rate, `${index + 1} by ${at} ms`);
      },
    ),
    { numRuns: 100 },
  );
});

test('1.1: several at one /24 share the lowest of their rates, until the most careful has gone', () => {
  const shared = newSharedSubnets();
  const [careful, quick] = [newSubnets(10, shared), newSubnets(500, shared)];
  let now = 0;
  let asked = 0;
  for (; now < 5000; asked += 2) {
    now += takeAt(careful, ['10.0.0.1'], now);
    now += takeAt(quick, ['10.0.0.2'], now);
  }
  assert.ok(asked <= 10 * 5 + 3, `${asked} in five seconds`);
  assert.equal(takeAt(quick, ['10.0.1.1'], now), 0, 'other subnets are not concerned');
  now += 10_001;
  for (asked = 0; asked < 500; asked++) now += takeAt(quick, ['10.0.0.2'], now);
  assert.ok(now < 5000 + 10_001 + 1200, `${now - 15_001} ms for five hundred`);
});

test('one subnet that must wait does not make the others pay for it later', () => {
  const subnets = newSubnets(10);
  assert.ok(
    takeAt(
      subnets,
      Array.from({ length: 50 }, () => '10.0.0.1'),
      0,
    ) >= 4900,
  );
  assert.equal(takeAt(subnets, ['10.0.1.1'], 0), 0);
});

test('however an address is spelled, it counts in its own subnet', () => {
  assert.equal(subnetOf('10.0.0.1'), subnetOf('10.0.0.255'));
  assert.notEqual(subnetOf('10.0.0.1'), subnetOf('10.0.1.1'));
  assert.equal(subnetOf('2001:db8::1'), subnetOf('2001:0db8:0:0:ffff::2'));
  assert.notEqual(subnetOf('2001:db8::1'), subnetOf('2001:db8:0:1::1'));
});

test('10.0.0.0/8 in random order: idle /24s are forgotten, so that memory stays flat', () => {
  const rate = 10_000;
  const subnets = newSubnets(500);
  const order = scanOrder(parseTargets(['10.0.0.0/8']).intervals, [80], 7, rate);
  let most = 0;
  for (let index = 0; index < 100_000; index++) {
    const window = Math.floor(index / order.pairsIn(0));
    takeAt(subnets, [order.pairAt(window, index % order.pairsIn(0)).address], (index / rate) * 1000);
    most = Math.max(most, subnets.shared.buckets.size);
  }
  assert.ok(most <= 2048, `${most} buckets at once`);
});
