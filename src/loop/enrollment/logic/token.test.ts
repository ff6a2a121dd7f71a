import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWithin, type Spendable, whyNot } from './token.ts';

const now = new Date('2026-01-01T00:00:00Z');
const token = (more: Partial<Spendable> = {}): Spendable => ({
  expires_at: new Date(now.getTime() + 1),
  uses: 1,
  used: 0,
  bound_to: null,
  revoked_at: null,
  ...more,
});

test('2.1: a token is good until its end, for as many as it is for, and not after it was revoked', () => {
  assert.equal(whyNot(token(), now), null);
  assert.equal(whyNot(token({ uses: 3, used: 2 }), now), null);
  assert.match(whyNot(undefined, now)!, /unknown/);
  assert.match(whyNot(token({ expires_at: now }), now)!, /good until 2026/);
  assert.match(whyNot(token({ used: 1 }), now)!, /used already/);
  assert.match(whyNot(token({ uses: 3, used: 3 }), now)!, /used 3 times already/);
  assert.match(whyNot(token({ revoked_at: now }), now)!, /revoked at 2026/);
});

test('2.1: a token for a network is good for who calls from it, whatever way the address is written', () => {
  assert.ok(isWithin(null, 'nonsense'));
  assert.ok(isWithin('192.0.2.0/24', '192.0.2.7'));
  assert.ok(isWithin('192.0.2.0/24', '::ffff:192.0.2.7'));
  assert.ok(isWithin('2001:db8::/32', '2001:db8:1::1'));
  assert.ok(isWithin('192.0.2.7', '192.0.2.7'));
  for (const [network, address] of [
    ['192.0.2.0/24', '192.0.3.1'],
    ['192.0.2.0/24', '2001:db8::1'],
    ['192.0.2.0/24', ''],
    ['192.0.2.7', '192.0.2.8'],
    ['nonsense', '192.0.2.7'],
  ] as const)
    assert.ok(!isWithin(network, address), `${network} ${address}`);
});
