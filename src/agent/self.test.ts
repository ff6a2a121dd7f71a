import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takePlace } from './self.ts';

test('what is too long for the kernel is refused; it would abort the process', async () => {
  const env = { LASTEMBER_WAIT: 'x'.repeat(200 * 1024) };
  await assert.rejects(async () => takePlace(env, new AbortController().signal), /LASTEMBER_WAIT is too long/);
  await takePlace({ LASTEMBER_WAIT: 'x'.repeat(100 * 1024) }, AbortSignal.abort());
});
