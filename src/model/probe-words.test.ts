import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointInWords } from './probe-words.ts';

const redis = {
  protocol: 'redis' as const,
  product: 'Redis',
  version: '7.0.15',
  access: 'open' as const,
  what: '',
  details: {},
};

test('a service is one plain line: what, which version, and whether it serves whoever asks', () => {
  assert.equal(endpointInWords(redis), 'redis: Redis 7.0.15, answers without credentials');
  assert.equal(
    endpointInWords({ protocol: 'http', access: 'refused', what: '', details: {} }),
    'http, asks for credentials',
  );
  assert.equal(endpointInWords(null), null);
  assert.equal(endpointInWords({ protocol: 'unknown', banner: '' }), null);
});
