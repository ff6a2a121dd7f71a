import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientHello, parseServerHello } from './wire.ts';

/** Of TLS 1.2 with TLS_RSA_WITH_AES_128_CBC_SHA. */
const serverHello = (compression: number, extensions: Buffer): Buffer =>
  Buffer.concat([Buffer.from([3, 3]), Buffer.alloc(32), Buffer.from([0, 0, 0x2f, compression]), extensions]);
const RENEGOTIATION = Buffer.from([0, 5, 0xff, 1, 0, 1, 0]);

test('a server that compresses, or says nothing of renegotiation, is known by its hello', () => {
  const said = (hello: Buffer): unknown[] => {
    const parsed = parseServerHello(hello);
    return [parsed?.compression, parsed?.secureRenegotiation];
  };
  assert.deepEqual(said(serverHello(1, RENEGOTIATION)), [true, true]);
  assert.deepEqual(said(serverHello(0, Buffer.alloc(0))), [false, false]);
});

test('only the ciphers that are asked for are offered, and compression never in TLS 1.3', () => {
  const options = { heartbeat: false, ciphers: [0x0005], compression: true };
  const old = clientHello('TLSv1.0', options);
  // Record 5, message 4, version 2, random 32, an empty session: then two suites, the second of which is the signal.
  assert.deepEqual([...old.subarray(43, 53)], [0, 0, 4, 0, 5, 0, 0xff, 2, 1, 0]);
  const fresh = clientHello('TLSv1.3', options);
  const at = fresh.indexOf(Buffer.from([0x13, 0x03])) + 2;
  assert.deepEqual([...fresh.subarray(at, at + 2)], [1, 0]);
});
