import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mayHaveNow, nextOf, waveOf, type Part } from './update-waves.ts';

test('one host first, then waves of the size that was asked for', () => {
  assert.deepEqual(
    Array.from({ length: 8 }, (_, index) => waveOf(index, 3)),
    [0, 1, 1, 1, 2, 2, 2, 3],
  );
});

test('played to its end, whoever fails or is away: none before its wave, one at a time until one is done, none after a failure', () => {
  const fates = fc.array(fc.constantFrom('done', 'done', 'done', 'away', 'failed'), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fates, fc.integer({ min: 1, max: 6 }), (fate, size) => {
      const parts: (Part & { fate: Part['state'] })[] = fate.map((one, index) => ({
        wave: waveOf(index, size),
        state: 'waiting',
        fate: one as Part['state'],
      }));
      const proven = (): boolean => parts.some(({ state }) => state === 'done');
      for (;;) {
        const next = nextOf(parts);
        if (next.kind === 'done')
          return assert.ok(proven() && parts.every(({ state }) => ['done', 'away'].includes(state)));
        if (next.kind === 'stop') return assert.ok(parts.some(({ state }) => state === 'failed'));
        if (next.kind === 'offer') {
          const wave = next.parts[0]!.wave;
          assert.ok(parts.every((part) => part.wave >= wave || ['done', 'away'].includes(part.state)));
          assert.ok(next.parts.length === 1 || proven());
          assert.ok(
            !proven() ||
              parts.every((part) => part.wave !== wave || part.state !== 'waiting' || next.parts.includes(part)),
          );
          for (const part of next.parts) part.state = 'offered';
          continue;
        }
        const under = parts.find(({ state }) => state === 'offered');
        // All are away, and nothing is proven: it waits for the first that comes.
        if (under === undefined) {
          assert.ok(parts.every(({ state }) => state === 'away'));
          return undefined;
        }
        under.state = under.fate;
      }
    }),
  );
});

test('one that was away has it when it comes, unless another one is the first at that moment', () => {
  assert.equal(mayHaveNow({ done: 0, offered: 0 }), true);
  assert.equal(mayHaveNow({ done: 0, offered: 1 }), false);
  assert.equal(mayHaveNow({ done: 1, offered: 1 }), true);
});

test('what another update took over neither fails this one nor holds it up', () => {
  const parts = (...states: Part['state'][]): Part[] => states.map((state, wave) => ({ wave, state }));
  assert.deepEqual(nextOf(parts('superseded', 'waiting', 'waiting')), {
    kind: 'offer',
    parts: [{ wave: 1, state: 'waiting' }],
  });
  assert.deepEqual(nextOf(parts('superseded', 'superseded')), { kind: 'done' });
  assert.deepEqual(nextOf(parts('superseded', 'away')), { kind: 'wait' });
});
