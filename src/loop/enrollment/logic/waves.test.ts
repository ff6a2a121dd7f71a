import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { waveOfEach } from './waves.ts';

test('waves: few hosts are one; many begin with five and grow', () => {
  assert.deepEqual(new Set(waveOfEach(25)), new Set([0]));
  const sizes = [...Map.groupBy(waveOfEach(1000), (wave) => wave)].map(([, some]) => some.length);
  assert.deepEqual(sizes, [5, 25, 125, 625, 220]);
  assert.deepEqual(waveOfEach(5, 2), [0, 0, 1, 1, 2]);
});

test('property: every host has a wave, waves come in order without a gap, and none is larger than asked', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 3000 }),
      fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined }),
      (hosts, size) => {
        const waves = waveOfEach(hosts, size);
        assert.equal(waves.length, hosts);
        waves.forEach((wave, index) => assert.ok(wave === 0 || wave - waves[index - 1]! <= 1));
        assert.ok(waves.every((wave, index) => index === 0 || wave >= waves[index - 1]!));
        if (size !== undefined)
          for (const [, some] of Map.groupBy(waves, (wave) => wave)) assert.ok(some.length <= size);
      },
    ),
  );
});
