import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatAddress } from './address.ts';
import { lookupOf } from './lookup.ts';
import { addressAt, containsAddress, countAddresses, mergeIntervals, overlap, subtractIntervals } from './targets.ts';

const interval = fc
  .record({ family: fc.constantFrom(4 as const, 6 as const), first: fc.nat(500), length: fc.nat(20) })
  .map(({ family, first, length }) => ({ family, first: BigInt(first), last: BigInt(first + length) }));
const sets = fc.array(interval, { maxLength: 30 }).map(mergeIntervals);

test('a lookup says what walking through the intervals says', () => {
  fc.assert(
    fc.property(sets, fc.constantFrom(4 as const, 6 as const), fc.nat(530), (set, family, value) => {
      const lookup = lookupOf(set);
      const address = formatAddress(family, BigInt(value));
      assert.equal(lookup.has(address), containsAddress(set, address));
      const count = Number(countAddresses(set));
      for (const index of [0, Math.floor(count / 2), count - 1])
        if (index >= 0 && index < count) assert.equal(lookup.at(index), addressAt(set, index));
      assert.throws(() => lookup.at(count), RangeError);
    }),
  );
});

test('two sets overlap where taking one from the other leaves less', () => {
  fc.assert(
    fc.property(sets, sets, (a, b) => {
      assert.equal(overlap(a, b), countAddresses(subtractIntervals(a, b)) < countAddresses(a));
    }),
  );
});

test('fifty thousand addresses and fifty CIDRs are compared in one pass', () => {
  let read = 0;
  const counted = (first: number, last: number) => ({
    get family() {
      read += 1;
      return 4 as const;
    },
    first: BigInt(first),
    last: BigInt(last),
  });
  const known = Array.from({ length: 50_000 }, (_, i) => counted(2 * i, 2 * i));
  const cidrs = Array.from({ length: 50 }, (_, i) => counted(2000 * i + 1, 2000 * i + 1));
  assert.equal(overlap(known, cidrs), false);
  assert.ok(read < 8 * 50_050, `${read} looks at an interval`);
});
