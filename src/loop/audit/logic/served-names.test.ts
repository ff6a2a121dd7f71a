import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { CertificateInfo, TlsNamed } from '../../../model/probe.ts';
import { compareNames, compareServed } from './served-names.ts';

const hasOpenssl = !spawnSync('openssl', ['version']).error;

function certificate(
  t: TestContext,
  names: string | null,
  subject = '/CN=cn.example.org',
): { file: string; pem: string } {
  const dir = mkdtempSync(join(tmpdir(), 'lastember-names-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'cert.pem');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', join(dir, 'key.pem')];
  const extension = names === null ? [] : ['-addext', `subjectAltName=${names}`];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', file, '-subj', subject, '-days', '30', ...extension], {
    stdio: 'ignore',
  });
  return { file, pem: readFileSync(file, 'utf8') };
}

const verdictOf = (pem: string, names: readonly string[], addresses: readonly string[] = ['192.0.2.1']) =>
  compareNames(pem, { known: names.map((name) => ({ name, from: 'dns' })), addresses })?.verdict;

const NAMES = [
  'www.example.org',
  'WWW.Example.ORG',
  'www.example.org.',
  'example.org',
  'a.shop.example.org',
  'a.b.shop.example.org',
  'shop.example.org',
  'xn--bcher-kva.example',
  'cn.example.org',
  'www.example.org.evil.test',
  'evilwww.example.org',
  'fab.example.net',
];
const ADDRESSES = ['192.0.2.10', '192.0.2.11', '2001:db8::10', '2001:db8:0:0:0:0:0:10', '2001:db8::11'];

test('names are compared as Node and openssl compare them', (t) => {
  if (!hasOpenssl) return t.skip('openssl is not installed');
  const dns = 'DNS:www.example.org,DNS:*.shop.example.org,DNS:xn--bcher-kva.example,DNS:f*.example.net';
  const { file, pem } = certificate(t, `${dns},IP:192.0.2.10,IP:2001:db8::10`);
  const peer = new X509Certificate(pem).toLegacyObject() as PeerCertificate;
  const told = new Set<string | undefined>();
  for (const [kind, known] of [...NAMES.map((n) => ['hostname', n]), ...ADDRESSES.map((a) => ['ip', a])] as const) {
    const ours = kind === 'ip' ? verdictOf(pem, [], [known!]) : verdictOf(pem, [known!], []);
    told.add(ours);
    // Both take `f*.example.net` for a pattern, which RFC 9525 has done away with.
    if (known === 'fab.example.net') {
      assert.equal(ours, 'mismatch');
      continue;
    }
    assert.equal(ours, checkServerIdentity(known!, peer) ? 'mismatch' : 'match', `Node on ${known}`);
    const argv = ['verify', '-CAfile', file, `-verify_${kind}`, known!.replace(/\.$/, ''), file];
    const openssl = spawnSync('openssl', argv, { encoding: 'utf8' }).status === 0;
    assert.equal(ours, openssl ? 'match' : 'mismatch', `openssl on ${known}`);
  }
  assert.deepEqual([...told].sort(), ['match', 'mismatch']);
});

test('one known name that fits is enough, and what nobody can compare is no verdict', (t) => {
  if (!hasOpenssl) return t.skip('openssl is not installed');
  const { pem } = certificate(t, 'DNS:www.example.org,DNS:xn--bcher-kva.example,DNS:web-17');
  assert.equal(verdictOf(pem, ['db.internal.example', 'www.example.org']), 'match');
  assert.equal(verdictOf(pem, ['bücher.example']), 'match', 'IDNA');
  assert.equal(verdictOf(pem, ['db.internal.example']), 'mismatch');
  assert.equal(verdictOf(pem, []), 'none', 'only an address is known, and it is about no address');
  assert.equal(verdictOf(pem, ['web-18']), 'none', 'a name without a dot shows no mismatch');
  assert.equal(verdictOf(pem, ['web-17']), 'match', 'but a match');
  assert.equal(verdictOf(pem, ['*.example.org', 'not a name', '']), 'none');
  const told = compareNames(pem, { known: [{ name: 'db.example', from: 'netbox' }], addresses: ['192.0.2.1'] });
  assert.deepEqual(told, {
    verdict: 'mismatch',
    matched: null,
    known: [{ name: 'db.example', from: 'netbox' }],
    addresses: ['192.0.2.1'],
    certificate: ['www.example.org', 'xn--bcher-kva.example', 'web-17'],
    strange: [],
  });
  const named = certificate(t, null).pem;
  assert.equal(verdictOf(named, ['cn.example.org']), 'mismatch', 'the common name counts for nothing');
  assert.equal(verdictOf(named, []), 'none');
  assert.equal(compareNames('', { known: [], addresses: [] }), null);
});

test('a server that shows several certificates is judged by each name, and by what is shown to that', (t) => {
  if (!hasOpenssl) return t.skip('openssl is not installed');
  const [shop, blog] = ['shop.example.org', 'blog.example.org'].map((name) => ({
    pem: certificate(t, `DNS:${name}`).pem,
    fingerprint: name,
  })) as unknown as [CertificateInfo, CertificateInfo];
  const judged = (named: TlsNamed[], ...names: string[]) => {
    const told = compareServed(
      { chain: [shop], named },
      { known: names.map((name) => ({ name, from: 'dns' })), addresses: ['192.0.2.1'] },
    );
    return [told?.verdict, told?.strange];
  };
  const own = { names: ['blog.example.org'], chain: [blog] };
  assert.deepEqual(judged([own], 'shop.example.org', 'Blog.example.org.'), ['match', []]);
  assert.deepEqual(
    judged([own], 'blog.example.org'),
    ['match', []],
    'what nobody asks for without a name says nothing',
  );
  assert.deepEqual(judged([own], 'wiki.example.org', 'blog.example.org'), ['mismatch', []]);
  const wrong = { names: ['wiki.example.org'], chain: [blog] };
  assert.deepEqual(judged([wrong], 'shop.example.org', 'wiki.example.org'), ['mismatch', ['wiki.example.org']]);
  const same = { names: ['db.internal.example'], chain: [] };
  assert.deepEqual(
    judged([same], 'shop.example.org', 'db.internal.example'),
    ['match', []],
    'one certificate, two names',
  );
  assert.deepEqual(judged([{ names: ['x.example'], chain: [blog] }], 'shop.example.org'), ['match', []]);
});
