import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { createPrivateKey } from 'node:crypto';
import { startAuthority } from '../../../../lab/demo/ca/index.ts';
import type { Authority } from '../../../../lab/demo/ca/client.ts';
import { keyAndRequest } from '../../../../lab/demo/host/keys.ts';
import { readRevocationList } from '../../../platform/pki/revocation-list.ts';
import { spkiOf } from '../testing/host.ts';
import type { AuthorityAccess, AuthorityKind } from './contract.ts';
import { urlProblem } from '../../../platform/http/outgoing.ts';
import { ask } from './http.ts';
import { AUTHORITY_KIND_NAMES, AUTHORITY_KINDS } from './registry.ts';

let authority: Authority;
let stop: () => Promise<void>;
before(async () => {
  const started = await startAuthority({ address: '127.77.55.2', port: 9000, tlsPort: 9443, provisioner: 'test' });
  ({ authority } = started);
  stop = started.process.stop;
});
after(() => stop());

/** Each kind against a real authority of that kind, over plain loopback HTTP and over HTTPS with a pinned root. */
const accesses = (): Record<string, AuthorityAccess[]> => {
  const key = JSON.stringify(authority.provisionerKey);
  const pem = createPrivateKey({ key: authority.provisionerKey as never, format: 'jwk' }).export({
    format: 'pem',
    type: 'pkcs8',
  });
  const common = { name: 'test', provisioner: authority.provisioner };
  return {
    'step-ca': [
      { ...common, url: authority.url, key, root: null },
      { ...common, url: authority.tlsUrl, key: pem.toString(), root: authority.root },
    ],
  };
};

test('the registry is alphabetical and holds every kind that has a file', () => {
  assert.deepEqual(AUTHORITY_KIND_NAMES, AUTHORITY_KIND_NAMES.toSorted());
  const others = new Set(['authorities.test.ts', 'contract.ts', 'http.ts', 'registry.ts']);
  const files = readdirSync(import.meta.dirname).filter((name) => !others.has(name));
  assert.deepEqual(files.map((name) => name.replace('.ts', '')).sort(), [...AUTHORITY_KIND_NAMES]);
});

for (const name of AUTHORITY_KIND_NAMES) {
  const kind: AuthorityKind = AUTHORITY_KINDS[name];
  test(`${name}: issues for the names asked, by an issuer it names, and revokes so that its list shows it`, async () => {
    const required = Object.keys(kind).filter((member) => member !== 'find');
    assert.ok(required.length <= 3, 'a contract of at most three required members');
    for (const access of accesses()[name]!) {
      const names = ['web.test', '127.0.0.9'];
      const { csr } = await keyAndRequest(names);
      const chain = await kind.issue(access, csr, names);
      const leaf = new X509Certificate(chain);
      const issuers = (await kind.issuers(access)).map((pem) => ({ pem, subject: '' }));
      assert.ok(issuers.some(({ pem }) => leaf.verify(new X509Certificate(pem).publicKey)));
      const spki = spkiOf(chain);
      const found = await kind.find?.(access, spki);
      assert.equal(found === undefined || found === null ? chain : found, chain, 'the same one again');
      assert.equal((await kind.find?.(access, '0'.repeat(64))) ?? null, null);
      const list = () => readRevocationList(`${authority.url}/1.0/crl`, issuers, new Date());
      const before = await list();
      assert.ok(!('why' in before) && !before.has(leaf.serialNumber));
      await kind.revoke(access, leaf.serialNumber, 'keyCompromise');
      await kind.revoke(access, leaf.serialNumber, 'keyCompromise');
      const now = await list();
      assert.ok(!('why' in now) && now.has(leaf.serialNumber) && now.has(leaf.serialNumber.toLowerCase()));
    }
  });

  test(`${name}: what the authority refuses is told in its words`, async () => {
    const [access] = accesses()[name]!;
    const { csr } = await keyAndRequest(['web.test']);
    await assert.rejects(kind.issue(access!, csr, ['other.test']), /\(403\)/);
    const stranger = { ...access!, provisioner: 'nobody' };
    await assert.rejects(kind.issue(stranger, csr, ['web.test']), /\(401\)/);
    await assert.rejects(kind.revoke(access!, '0BAD', 'keyCompromise'), /\(404\)/);
  });
}

test('HTTPS is believed only with the root that was given', async () => {
  await assert.rejects(
    ask({ url: authority.tlsUrl, root: null }, 'GET', '/health'),
    /self.signed|unable to verify|certificate/i,
  );
  assert.equal((await ask({ url: authority.tlsUrl, root: authority.root }, 'GET', '/health')).status, 200);
});

test('plain HTTP only on this machine; redirects are not followed; an answer without end is cut off', async () => {
  assert.equal(urlProblem('https://ca.example.org'), null);
  assert.equal(urlProblem('http://127.0.0.1:9000'), null);
  assert.match(urlProblem('http://ca.example.org')!, /this machine only/);
  assert.match(urlProblem('ftp://127.0.0.1')!, /neither/);
  assert.match(urlProblem('https://ca.example.org/?x=1')!, /query/);
  assert.match(urlProblem('nonsense')!, /not a URL/);
  const server = createServer((request, response) => {
    if (request.url === '/redirect') return void response.writeHead(302, { location: '/' }).end();
    response.write('x'.repeat(1024 * 1024 + 1));
    return undefined;
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    await assert.rejects(ask({ url, root: null }, 'GET', '/redirect'), /redirect/i);
    await assert.rejects(ask({ url, root: null }, 'GET', '/endless'), /too large/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('a revocation list counts only with the signature of a configured issuer', async () => {
  const url = `${authority.url}/1.0/crl`;
  assert.deepEqual(await readRevocationList(url, [], new Date()), { why: 'no configured authority signed it' });
  const late = await readRevocationList(
    url,
    [{ pem: authority.root, subject: '' }],
    new Date(Date.now() + 3 * 86_400_000),
  );
  assert.ok('why' in late && /out of date/.test(late.why));
  const none = await readRevocationList('file:///etc/passwd', [], new Date());
  assert.ok('why' in none && /http/.test(none.why));
  const wrong = await readRevocationList(`${authority.url}/roots.pem`, [], new Date());
  assert.ok('why' in wrong);
});
