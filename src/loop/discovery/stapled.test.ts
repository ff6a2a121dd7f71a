import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { ProbeResult, TlsProbe } from '../../model/probe.ts';
import { newTarget } from '../../scan/probes/contract.ts';
import { freePort, loopbackGuard, startServer } from '../../scan/probes/testing.ts';
import { tlsProbe } from '../../scan/probes/tls/index.ts';
import { mustStaple } from '../../scan/logic/tls-feature.ts';
import { withRevocation } from './certificates.ts';
import { ocspRequest, readOcsp } from '../../platform/pki/ocsp.ts';

const run = (dir: string, ...argv: string[]): void =>
  void execFileSync('openssl', argv, { cwd: dir, stdio: ['ignore', 'ignore', 'ignore'] });

/** An authority of openssl's own with one certificate, and what its responder signs about that. */
function authority(
  t: TestContext,
  extensions: readonly string[] = [],
): { dir: string; leaf: Buffer; issuer: Buffer; say(revoked: boolean, days?: boolean): Buffer } {
  const dir = mkdtempSync(join(tmpdir(), 'lastember-ocsp-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  run(dir, 'req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test CA', '-days', '30');
  run(dir, 'req', ...key, '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', '/CN=shop.example');
  const serial = ['-set_serial', '0x00c0ffee'];
  writeFileSync(join(dir, 'leaf.cnf'), ['subjectAltName=DNS:shop.example', ...extensions, ''].join('\n'));
  run(
    dir,
    'x509',
    '-req',
    '-in',
    'leaf.csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    ...serial,
    '-extfile',
    'leaf.cnf',
    '-out',
    'leaf.pem',
    '-days',
    '30',
  );
  const der = (name: string): Buffer => new X509Certificate(readFileSync(join(dir, name))).raw;
  return {
    dir,
    leaf: der('leaf.pem'),
    issuer: der('ca.pem'),
    say: (revoked, days = true) => {
      const state = revoked ? 'R\t491231235959Z\t260101000000Z' : 'V\t491231235959Z\t';
      writeFileSync(join(dir, 'index.txt'), `${state}\tC0FFEE\tunknown\t/CN=shop.example\n`);
      const as = ['-rsigner', 'ca.pem', '-rkey', 'ca.key', '-CA', 'ca.pem', ...(days ? ['-ndays', '7'] : [])];
      run(dir, 'ocsp', '-issuer', 'ca.pem', '-cert', 'leaf.pem', '-reqout', 'req.der', '-no_nonce');
      run(dir, 'ocsp', '-index', 'index.txt', ...as, '-reqin', 'req.der', '-respout', 'resp.der');
      return readFileSync(join(dir, 'resp.der'));
    },
  };
}

test('an OCSP response counts with its issuer’s signature, in its time, and whole', (t) => {
  if (spawnSync('openssl', ['version']).error) return t.skip('openssl is not installed');
  const [ca, stranger] = [authority(t), authority(t)];
  const now = new Date();
  for (const revoked of [false, true]) {
    const response = ca.say(revoked);
    const verdict = readOcsp(response, ca, now);
    assert.equal(verdict?.status, revoked ? 'revoked' : 'good');
    assert.ok(Math.abs(Date.parse(verdict.at) - now.getTime()) < 120_000, verdict.at);
    assert.equal(readOcsp(response, { leaf: ca.leaf, issuer: stranger.issuer }, now), null);
    assert.equal(readOcsp(response, ca, new Date(now.getTime() + 8 * 86_400_000)), null, 'it has run out');
    assert.equal(readOcsp(response, ca, new Date(now.getTime() - 86_400_000)), null, 'it is from the future');
    for (let at = 0; at < response.length; at += 5) {
      const broken = Buffer.from(response);
      broken[at]! ^= 0x55;
      const said = readOcsp(broken, ca, now)?.status ?? null;
      // What is outside of the signature may differ and mean the same.
      assert.ok(said === null || said === verdict.status, `byte ${at} made it ${said}`);
      assert.equal(readOcsp(response.subarray(0, at), ca, now), null);
    }
  }
});

test('a response about another authority’s certificate with the same serial says nothing of ours', (t) => {
  if (spawnSync('openssl', ['version']).error) return t.skip('openssl is not installed');
  const [ca, other] = [authority(t), authority(t)];
  ca.say(true);
  const now = new Date();
  const answer = (about: string, ...hash: string[]): string | null => {
    const issuer = join(about, 'ca.pem');
    const as = ['-rsigner', 'ca.pem', '-rkey', 'ca.key', '-CA', issuer, '-ndays', '7'];
    run(ca.dir, 'ocsp', ...hash, '-issuer', issuer, '-serial', '0xC0FFEE', '-reqout', 'req.der', '-no_nonce');
    run(ca.dir, 'ocsp', '-index', 'index.txt', ...as, '-reqin', 'req.der', '-respout', 'resp.der');
    return readOcsp(readFileSync(join(ca.dir, 'resp.der')), ca, now)?.status ?? null;
  };
  assert.equal(answer(other.dir), null);
  for (const hash of ['-sha1', '-sha256', '-sha384', '-sha512']) {
    assert.equal(answer(ca.dir, hash), 'revoked', hash);
    assert.equal(answer(other.dir, hash), null, hash);
  }
});

test('an answer to another question than ours is none, and our question is one that openssl understands', (t) => {
  if (spawnSync('openssl', ['version']).error) return t.skip('openssl is not installed');
  const ca = authority(t);
  ca.say(false);
  const [nonce, other] = [Buffer.alloc(16, 7), Buffer.alloc(16, 8)];
  writeFileSync(join(ca.dir, 'req.der'), ocspRequest(ca, nonce));
  const as = ['-rsigner', 'ca.pem', '-rkey', 'ca.key', '-CA', 'ca.pem', '-ndays', '7'];
  run(ca.dir, 'ocsp', '-index', 'index.txt', ...as, '-reqin', 'req.der', '-respout', 'resp.der');
  const response = readFileSync(join(ca.dir, 'resp.der'));
  const said = (question?: Buffer) => readOcsp(response, ca, new Date(), question)?.status ?? null;
  assert.deepEqual([said(nonce), said(other), said()], ['good', null, 'good']);
});

test('a response that does not say how long it holds is believed for a week', (t) => {
  if (spawnSync('openssl', ['version']).error) return t.skip('openssl is not installed');
  const ca = authority(t);
  const response = ca.say(false, false);
  assert.equal(readOcsp(response, ca, new Date())?.status, 'good');
  assert.equal(readOcsp(response, ca, new Date(Date.now() + 8 * 86_400_000)), null);
});

test('a certificate that is served although its own stapled response says revoked is told as such', async (t) => {
  if (spawnSync('openssl', ['version']).error) return t.skip('openssl is not installed');
  const ca = authority(t);
  ca.say(true);
  const stored = await served(t, ca, 'resp.der');
  assert.equal(stored.revocation?.status, 'revoked');
  assert.equal(stored.stapled, undefined);
  assert.equal(stored.mustStaple, undefined, 'its certificate does not want one');
});

test('a certificate that wants a response shown beside it (RFC 7633) is told whether one that counts was', async (t) => {
  if (spawnSync('openssl', ['version']).error) return t.skip('openssl is not installed');
  const ca = authority(t, ['tlsfeature=status_request']);
  assert.equal(mustStaple(ca.leaf), true);
  assert.equal(mustStaple(ca.issuer), false);
  for (let at = 0; at < ca.leaf.length; at += 7) assert.equal(mustStaple(ca.leaf.subarray(0, at)), false);
  ca.say(false);
  const stored = await served(t, ca, 'resp.der');
  assert.deepEqual([stored.mustStaple, stored.revocation?.status], ['met', 'good']);
  assert.equal((await served(t, ca, null)).mustStaple, 'missing');
  const other = authority(t);
  other.say(false);
  writeFileSync(join(ca.dir, 'other.der'), readFileSync(join(other.dir, 'resp.der')));
  assert.equal((await served(t, ca, 'other.der')).mustStaple, 'useless');
});

/** What is stored of a look at openssl's server, which shows that response beside the certificate. */
async function served(t: TestContext, ca: { dir: string }, response: string | null): Promise<TlsProbe> {
  const port = await freePort();
  const file = (name: string): string => join(ca.dir, name);
  const argv = [
    's_server',
    '-quiet',
    '-key',
    file('leaf.key'),
    '-cert',
    file('leaf.pem'),
    '-cert_chain',
    file('ca.pem'),
  ];
  const shown = response === null ? [] : ['-status_file', file(response)];
  const accept = ['-accept', `127.0.0.1:${port}`, ...shown];
  const server = await startServer(['openssl', ...argv, ...accept], port);
  t.after(() => server.close());
  const target = newTarget(loopbackGuard(), { address: '127.0.0.1', port, connectMs: 1000 });
  const seen = (await tlsProbe.probe(target)) as TlsProbe;
  assert.equal(seen.chain.length, 2);
  return withRevocation(seen as ProbeResult, new Date()) as TlsProbe;
}
