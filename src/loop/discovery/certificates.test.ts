import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { TlsProbe } from '../../model/probe.ts';
import { selfSigned } from '../../scan/probes/testing.ts';
import { describeChain } from '../../scan/probes/tls/certificate.ts';
import { readAnew, withUrls } from './certificates.ts';

test('where a certificate can be revoked is read from it, and nothing that stands beside it counts', (t) => {
  const pki = selfSigned();
  t.after(() => pki.remove());
  const chain = describeChain([new X509Certificate(readFileSync(pki.certificate)).raw]);
  const probe: TlsProbe = {
    protocol: 'tls',
    versions: ['TLSv1.3'],
    chain,
    heartbleed: { verdict: 'safe', extension: false, leakedBytes: 0, reason: 'x' },
  };
  assert.deepEqual(chain[0]!.crlUrls, []);
  const [leaf] = (withUrls(probe) as TlsProbe).chain;
  assert.deepEqual([leaf!.crlUrls, leaf!.ocspUrls], [['http://ca.example/crl'], ['http://ca.example/ocsp']]);
  const forged = { ...chain[0]!, names: ['bank.example'], spki: '0'.repeat(64), crlUrls: ['http://evil.example'] };
  assert.deepEqual(readAnew({ ...probe, chain: [forged] }), withUrls(probe));
  assert.equal(readAnew({ ...probe, chain: [{ ...forged, pem: 'none' }] }), null);
  assert.equal(readAnew({ ...probe, chain: [] }), null);
});
