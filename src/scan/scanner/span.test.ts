import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Span } from './span.ts';

test('pairs that ended are let go in their order, each once, and what is known of the others stays as the ring grows', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 47 }),
      fc.array(fc.record({ begin: fc.nat(400), end: fc.array(fc.nat(5000), { maxLength: 60 }) }), { maxLength: 25 }),
      (from, rounds) => {
        const span = new Span(from);
        const unfinished = new Map<number, { address: string; tries: number }>();
        const expected = new Map<number, string>();
        const told: string[] = [];
        for (const { begin, end } of rounds) {
          for (let count = 0; count < begin; count++) {
            const id = span.begin(`a${span.next}`, 7);
            const tries = 1 + (count % 3);
            span.of.tries[span.at(id)] = tries;
            unfinished.set(id, { address: `a${id}`, tries });
          }
          for (const offset of end) {
            const id = from + offset;
            if (!unfinished.delete(id)) continue;
            expected.set(id, `a${id} ${1 + (id % 3)}`);
            span.end(id, 1 + (id % 3));
          }
          span.advance((address, how) => told.push(`${address} ${how}`));
          const [cursor] = unfinished.keys();
          assert.equal(span.first, cursor ?? span.next);
          assert.equal(span.isEmpty, unfinished.size === 0);
          for (const [id, { address, tries }] of unfinished) {
            const at = span.at(id);
            assert.deepEqual([span.of.addresses[at], span.of.tries[at], span.of.ends[at]], [address, tries, 0]);
          }
        }
        const before = [...expected].filter(([id]) => id < span.first).toSorted(([a], [b]) => a - b);
        assert.deepEqual(
          told,
          before.map(([, what]) => what),
        );
      },
    ),
    { numRuns: 60 },
  );
});
