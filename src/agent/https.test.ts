import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whyNot } from './https.ts';

test('a certificate that is out of its time is told together with what this host takes the time for', () => {
  const now = new Date('2026-01-02T03:04:05.000Z');
  const early = Object.assign(new Error('certificate is not yet valid'), { code: 'CERT_NOT_YET_VALID' });
  assert.equal(
    whyNot(early, now),
    'certificate is not yet valid; the clock of this host says 2026-01-02T03:04:05.000Z, set it if that is wrong',
  );
  assert.equal(whyNot(new Error('connect ECONNREFUSED'), now), 'connect ECONNREFUSED');
});
