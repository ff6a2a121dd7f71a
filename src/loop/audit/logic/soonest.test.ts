import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstOf, type Kind, mostLikely } from './soonest.ts';

const at = (day: number): Date => new Date(Date.UTC(2026, 0, day));
const kind = (hostId: string, severity: string, days: number, first: number): Kind => ({
  hostId,
  severity,
  days,
  first: at(first),
});

test('3.10: of all hosts that have a package, the first of each severity and term is what counts', () => {
  const lists = new Map([
    [7, [1, 2]],
    [8, [2]],
    [9, []],
  ]);
  const kinds = new Map([
    [1, [kind('late', 'high', 10, 20), kind('short', 'high', 2, 25), kind('other', 'low', 1, 1)]],
    [2, [kind('early', 'high', 10, 5)]],
  ]);
  const firsts = firstOf(lists, kinds);
  assert.deepEqual(
    firsts
      .get(7)!
      .map(({ hostId }) => hostId)
      .toSorted(),
    ['early', 'other', 'short'],
  );
  assert.deepEqual(
    firsts.get(8)!.map(({ hostId }) => hostId),
    ['early'],
  );
  const likely = (packages: number[], begun: number) =>
    mostLikely({ advisories: ['CVE-1'], severity: 'high', packages, begun: at(begun) }, firsts);
  // Known since the 5th with ten days, or since the 25th with two.
  assert.deepEqual(likely([7], 1), { hostId: 'early', days: 10, bound: at(15).getTime() });
  // The advisory is younger than both.
  assert.deepEqual(likely([7], 26), { hostId: 'short', days: 2, bound: at(28).getTime() });
  assert.deepEqual(likely([8], 26), { hostId: 'early', days: 10, bound: at(36).getTime() });
  assert.equal(likely([9], 1), null);
});
