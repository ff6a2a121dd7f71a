import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GRACE_MS } from '../host/tasks/verify.ts';
import { settleAt } from './settle-old.ts';

const NOW = Date.UTC(2026, 0, 1);
const HOUR = 3_600_000;

test('it wakes when the first task cannot be undone any more, never in the past, and for none that is settled', () => {
  const task = fc.record({
    settled: fc.boolean(),
    end: fc.integer({ min: NOW - 90 * 24 * HOUR, max: NOW + 90 * 24 * HOUR }),
  });
  fc.assert(
    fc.property(fc.array(task), (tasks) => {
      const kept = tasks.map(({ settled, end }) => ({ settled, notAfter: new Date(end).toISOString() }));
      const at = settleAt(kept, NOW);
      const first = Math.min(...tasks.filter(({ settled }) => !settled).map(({ end }) => end + GRACE_MS));
      if (first === Infinity) assert.equal(at, null);
      // What could not be settled is tried again after an hour, not all the time.
      else assert.equal(at, first < NOW ? NOW + HOUR : first + 1);
    }),
  );
  assert.equal(settleAt([{ settled: false, notAfter: 'damaged' }], NOW), null);
});
