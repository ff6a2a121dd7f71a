import 'reflect-metadata';
import assert from 'node:assert/strict';
import { createHash, randomBytes, webcrypto } from 'node:crypto';
import { after, test } from 'node:test';
import * as x509 from '@peculiar/x509';
import fc from 'fast-check';
import { FileFetcher, type FileWay } from './fetch-file.ts';
import { redirectProblem } from './redirect.ts';
import { ReplayProxy, ReplayServer } from './testing/replay.ts';

const closing: (() => void)[] = [];
after(() => {
  for (const close of closing) close();
});

async function begin(tls?: { key: string; cert: string }): Promise<{ server: ReplayServer; url: string }> {
  const server = new ReplayServer(tls);
  closing.push(() => server.stop());
  return { server, url: await server.start() };
}

const STRAIGHT = { proxy: { url: null, except: '' }, timeoutMs: 10_000, limit: 1_000_000 } satisfies FileWay;
const file = randomBytes(200_000);

async function fetchFile(url: string, way: FileWay) {
  const fetcher = new FileFetcher(way);
  try {
    return await fetcher.get(url);
  } finally {
    await fetcher.close();
  }
}

test('a file that broke off is taken up where it did, again and again, and is whole', async () => {
  const { server, url } = await begin();
  server.put('/a', file, { cuts: [70_000, 50_000, 1000] });
  const { bytes, status } = await fetchFile(`${url}/a`, STRAIGHT);
  assert.equal(status, 200);
  assert.ok(file.equals(bytes));
  assert.equal(server.asked.length, 4);
  assert.ok(
    server.asked.slice(1).every((one) => /^\/a bytes=[1-9]\d*-$/.test(one)),
    server.asked.join('\n'),
  );
});

test('a file that became another one meanwhile, or a server without parts: from the beginning', async () => {
  const { server, url } = await begin();
  server.put('/whole', file, { cuts: [70_000, 90_000], isWholeOnly: true });
  assert.ok(file.equals((await fetchFile(`${url}/whole`, STRAIGHT)).bytes));
  const other = randomBytes(200_000);
  server.put('/moves', file, { cuts: [70_000] });
  const fetched = fetchFile(`${url}/moves`, STRAIGHT);
  while (!server.asked.includes('/moves')) await new Promise((resolve) => setTimeout(resolve, 2));
  server.put('/moves', other);
  const { bytes, headers } = await fetched;
  assert.ok(other.equals(bytes), 'no mixture of two');
  assert.equal(headers.get('etag'), `"${createHash('sha256').update(other).digest('hex').slice(0, 16)}"`);
});

test('what never gets further, is too large or lies about its checksum is given up', async () => {
  const { server, url } = await begin();
  server.put('/stuck', file, { cuts: [0, 0, 0, 0, 0, 0, 0] });
  await assert.rejects(fetchFile(`${url}/stuck`, STRAIGHT), /terminated|closed|hang up/);
  assert.ok(server.asked.length <= 5);
  server.put('/large', file);
  await assert.rejects(fetchFile(`${url}/large`, { ...STRAIGHT, limit: 199_999 }), /too large/);
  const digest = (algorithm: string, bytes: Buffer): string => createHash(algorithm).update(bytes).digest('base64');
  const right = {
    'x-goog-hash': `crc32c=AAAAAA==, md5=${digest('md5', file)}`,
    'repr-digest': `sha-256=:${digest('sha256', file)}:`,
  };
  server.put('/right', file, { headers: right, cuts: [100_000] });
  assert.ok(file.equals((await fetchFile(`${url}/right`, STRAIGHT)).bytes));
  for (const [name, value] of Object.entries(right)) {
    server.put('/wrong', file, {
      headers: { [name]: value.replace(/(.)(?==+:?$)/, (last) => (last === 'A' ? 'B' : 'A')) },
    });
    await assert.rejects(fetchFile(`${url}/wrong`, STRAIGHT), /checksum that came with it/, name);
  }
});

test('redirects lead where a feed might have been set to, and no further', async () => {
  const [{ server, url }, other] = [await begin(), await begin()];
  server.put('/a', '', { redirect: '/b' });
  server.put('/b', '', { redirect: `${other.url}/c?signed=1` });
  other.server.put('/c?signed=1', file);
  assert.ok(file.equals((await fetchFile(`${url}/a`, STRAIGHT)).bytes));
  server.put('/loop', '', { redirect: '/loop' });
  await assert.rejects(fetchFile(`${url}/loop`, STRAIGHT), /redirected more than 5 times/);
  server.put('/out', '', { redirect: 'http://192.0.2.1/x' });
  await assert.rejects(fetchFile(`${url}/out`, STRAIGHT), /redirect is not followed: plain http is taken/);
  assert.equal(redirectProblem('https://a.example/x', 'https://b.example/y?z=1'), null);
  assert.match(redirectProblem('https://a.example/x', 'http://a.example/x')!, /away from https/);
  assert.match(redirectProblem('https://a.example/x', '//127.0.0.1/x')!, /to this machine/);
  assert.match(redirectProblem('https://a.example/x', 'https://u:p@b.example/')!, /login/);
  fc.assert(
    fc.property(fc.webUrl({ validSchemes: ['http', 'ftp', 'file', 'ws'] }), (to) => {
      assert.notEqual(redirectProblem('https://a.example/x', to), null);
    }),
    { numRuns: 30 },
  );
});

async function identity(): Promise<{ key: string; cert: string }> {
  x509.cryptoProvider.set(webcrypto as Crypto);
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    keys: keys as CryptoKeyPair,
    name: 'CN=127.0.0.1',
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
  });
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { key, cert: certificate.toString('pem') };
}

test('https goes through the proxy by CONNECT, certificate and all; hosts that are excepted go straight', async () => {
  const tls = await identity();
  const { server, url } = await begin(tls);
  server.put('/a', file, { cuts: [70_000] });
  const proxy = new ReplayProxy('ann:secret');
  closing.push(() => proxy.stop());
  const address = await proxy.start();
  const through = { ...STRAIGHT, ca: tls.cert, proxy: { url: `http://ann:secret@${address}`, except: 'example.org' } };
  assert.ok(file.equals((await fetchFile(`${url}/a`, through)).bytes));
  assert.ok(proxy.tunnels.length > 0);
  assert.ok(proxy.tunnels.every((one) => url.endsWith(one)));
  const before = proxy.tunnels.length;
  await assert.rejects(fetchFile(`${url}/a`, { ...through, ca: undefined }), /self-signed|self signed|certificate/);
  const wrong = { ...through, proxy: { ...through.proxy, url: `http://ann:wrong@${address}` } };
  await assert.rejects(
    fetchFile(`${url}/a`, wrong),
    (error: Error) => !error.message.includes('wrong') && /407|roxy/.test(error.message),
  );
  const tunnels = proxy.tunnels.length;
  await fetchFile(`${url}/a`, { ...through, proxy: { ...through.proxy, except: '127.0.0.1' } });
  assert.equal(proxy.tunnels.length, tunnels);
  assert.ok(tunnels >= before);
});
