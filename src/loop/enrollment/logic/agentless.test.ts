import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nextLook } from './agentless.ts';

test('the next look is within five minutes, later and later after failures, never later than an hour', () => {
  const now = new Date('2026-01-01T00:00:00Z');
  fc.assert(
    fc.property(fc.nat({ max: 60 }), fc.string(), (failures, host) => {
      const wait = nextLook(now, failures, host).getTime() - now.getTime();
      assert.ok(wait >= 270_000 && wait <= 3_600_000);
      if (failures <= 1) assert.ok(wait <= 300_000);
      assert.ok(nextLook(now, failures + 1, host).getTime() - now.getTime() >= wait);
    }),
  );
});
