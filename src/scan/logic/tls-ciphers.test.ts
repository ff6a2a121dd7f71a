import assert from 'node:assert/strict';
import { createDiffieHellmanGroup, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { WeakFamily } from '../../model/tls-depth.ts';
import { agreementOf, CIPHERS, weakBut, weaknessOf } from './tls-ciphers.ts';
import { forwardSecrecyOf } from './tls-depth.ts';

test('a family that is known is not offered again, and nothing sound ever is', () => {
  const all = weakBut(new Set());
  for (const family of WeakFamily.options) {
    const rest = weakBut(new Set([family]));
    assert.ok(rest.length > 0 && rest.length < all.length, family);
    assert.ok(rest.every((code) => weaknessOf(code)?.family !== family));
  }
  assert.deepEqual(weakBut(new Set(WeakFamily.options)), []);
  for (const code of [...CIPHERS.forwardSecret, ...CIPHERS.staticRsa]) assert.equal(weaknessOf(code), null);
});

test('the bits of a group are those of its prime, however it is padded', () => {
  for (const [name, bits] of [
    ['modp1', 768],
    ['modp2', 1024],
    ['modp14', 2048],
  ] as const) {
    const prime = createDiffieHellmanGroup(name).getPrime();
    for (const padded of [prime, Buffer.concat([Buffer.alloc(3), prime])]) {
      const body = Buffer.concat([Buffer.from([padded.length >> 8, padded.length & 255]), padded, randomBytes(9)]);
      assert.deepEqual(agreementOf(0x0033, body), { dhBits: bits });
      assert.equal(agreementOf(0x0033, body.subarray(0, padded.length)), null);
    }
  }
  assert.deepEqual(agreementOf(0x0033, Buffer.from([0, 2, 0, 0])), { dhBits: 0 });
});

test('no ServerKeyExchange, however it lies, is more than null', () => {
  for (let round = 0; round < 2000; round++) {
    const body = randomBytes(Math.floor(Math.random() * 12));
    for (const cipher of [0xc02f, 0x0033, 0x0018]) {
      const found = agreementOf(cipher, body);
      assert.ok(found === null || Number.isInteger(found.dhBits ?? 0), body.toString('hex'));
    }
  }
});

test('forward secrecy is always only where the other kind was refused, and never guessed', () => {
  assert.equal(forwardSecrecyOf({ secret: true, other: false, has13: false }), 'always');
  assert.equal(forwardSecrecyOf({ secret: true, other: true, has13: true }), 'offered');
  assert.equal(forwardSecrecyOf({ secret: false, other: false, has13: false }), 'never');
  assert.equal(forwardSecrecyOf({ secret: false, other: false, has13: true }), 'offered');
  for (const secret of [true, false]) assert.equal(forwardSecrecyOf({ secret, other: null, has13: true }), 'unknown');
});
