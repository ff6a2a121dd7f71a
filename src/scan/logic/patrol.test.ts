import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { blockOf, intersectIntervals, intervalsOf, PATROL, patrolWindows, rangesOf } from './patrol.ts';
import { containsAddress, countAddresses, parseTargets } from './targets.ts';

const octet = fc.integer({ min: 1, max: 223 }).filter((first) => first !== 127);
const address = fc
  .tuple(octet, fc.nat({ max: 255 }), fc.nat({ max: 255 }), fc.nat({ max: 255 }))
  .filter(([a, b]) => !(a === 169 && b === 254))
  .map((parts) => parts.join('.'));

test('1.14: a block is part of its subnet, holds no more than 1024 addresses, and is near its own address', () => {
  fc.assert(
    fc.property(address, fc.integer({ min: 1, max: 32 }), (own, prefix) => {
      const found = blockOf(`${own}/${prefix}`);
      if (prefix > 30) return assert.equal(found, null);
      const { block, interval } = found!;
      assert.ok(countAddresses([interval]) <= BigInt(PATROL.addresses));
      const [subnet, named] = [`${own}/${prefix}`, block].map((text) => parseTargets([text], { confirmWide: true }));
      assert.deepEqual(intersectIntervals([interval], subnet!.intervals), [interval]);
      assert.ok(containsAddress(named!.intervals, own));
      // Whoever is in the block has the same block: they take turns in it.
      assert.equal(blockOf(`${rangesOf([interval])[0]!.split('-')[0]!}/${prefix}`)?.block, block);
    }),
  );
});

test('1.14: nothing is looked at on loopback, link-local, point-to-point and IPv6 links', () => {
  for (const cidr of [
    '127.0.0.1/8',
    '169.254.3.4/16',
    '10.0.0.1/31',
    '10.0.0.1/32',
    'fd00::1/64',
    '224.0.0.1/24',
    '',
    'x/24',
    '10.0.0.1',
  ])
    assert.equal(blockOf(cidr), null, cidr);
});

test('1.14: both sides compute the same windows, and together they hold every address once', () => {
  fc.assert(
    fc.property(fc.integer({ min: 22, max: 32 }), fc.nat(), (prefix, seed) => {
      const ranges = rangesOf(intervalsOf([`10.7.0.0/${prefix}`]));
      const [ours, theirs] = [patrolWindows(ranges, seed), patrolWindows(ranges, seed)];
      const all: string[] = [];
      for (let window = 0; window < ours.windows; window++) {
        const here = ours.addressesIn(window);
        assert.ok(here.length > 0 && here.length <= PATROL.window);
        assert.deepEqual(theirs.addressesIn(window), here);
        all.push(...here);
      }
      assert.deepEqual(ours.addressesIn(ours.windows), []);
      assert.equal(new Set(all).size, 2 ** (32 - prefix));
      assert.equal(all.length, 2 ** (32 - prefix));
    }),
    { numRuns: 40 },
  );
  assert.equal(patrolWindows([], 1).windows, 0);
});
