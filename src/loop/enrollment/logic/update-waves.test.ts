import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nextOf, waveOf, type Part } from './update-waves.ts';

test('one host first, then waves of the size that was asked for', () => {
  assert.deepEqual(
    Array.from({ length: 8 }, (_, index) => waveOf(index, 3)),
    [0, 1, 1, 1, 2, 2, 2, 3],
  );
});

test('played to its end, whatever fails: no host is offered before all of the waves before it are done, none after a failure', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: -1, max: 19 }),
      (hosts, size, bad) => {
        const parts: Part[] = Array.from({ length: hosts }, (_, index) => ({
          wave: waveOf(index, size),
          state: 'waiting',
        }));
        for (;;) {
          const next = nextOf(parts);
          if (next.kind === 'done') return assert.ok(parts.every(({ state }) => state === 'done'));
          if (next.kind === 'stop') return assert.equal(parts[bad]?.state, 'failed');
          if (next.kind === 'offer') {
            assert.ok(parts.every((part) => part.wave >= next.wave || part.state === 'done'));
            parts.filter((part) => part.wave === next.wave).forEach((part) => (part.state = 'offered'));
          } else {
            const index = parts.findIndex(({ state }) => state === 'offered');
            parts[index]!.state = index === bad ? 'failed' : 'done';
          }
        }
      },
    ),
  );
});
