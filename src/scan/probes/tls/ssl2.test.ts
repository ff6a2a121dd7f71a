import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { oldRuntime } from '../../../../lab/demo/runtimes.ts';
import { type TlsProbe, TlsVersion } from '../../../model/probe.ts';
import { identifyAndProbe } from '../identify.ts';
import { freePort, listenWith, type Pki, selfSigned, startServer, targetAt, wants } from '../testing.ts';
import { tlsProbe } from './index.ts';
import { askSsl2, readSsl2, ssl2Hello } from './ssl2.ts';

let pki: Pki;
before(() => {
  pki = selfSigned();
});
after(() => pki.remove());

const yes = async (): Promise<boolean> => true;
const no = async (): Promise<boolean> => false;

/** What nmap's own script says; null without nmap. */
function nmapSays(port: number): boolean | null {
  if (spawnSync('nmap', ['--version']).error) return null;
  const argv = ['-Pn', '-n', '-sT', '-p', String(port), '--script', '+sslv2', '127.0.0.1'];
  return execFileSync('nmap', argv, { encoding: 'utf8' }).includes('SSLv2 supported');
}

/** A server of Node.js 0.10, whose OpenSSL still has SSL 2.0; null, and the test is skipped, where it cannot be fetched. */
async function oldServer(t: TestContext, settings: string): Promise<number | null> {
  const node = await oldRuntime('0.10.0').catch((error: Error) => error);
  if (node instanceof Error) {
    t.skip(`the old runtime could not be fetched: ${node.message}`);
    return null;
  }
  const port = await freePort();
  const script = join(pki.dir, `old-${port}.js`);
  const files = `key: fs.readFileSync(${JSON.stringify(pki.key)}), cert: fs.readFileSync(${JSON.stringify(pki.certificate)})`;
  writeFileSync(
    script,
    `var fs = require('fs'); require('https').createServer({ ${files}, ${settings} }).listen(${port}, '127.0.0.1');`,
  );
  const server = await startServer([node, script], port);
  t.after(() => server.close());
  return port;
}

test('a really old server speaks SSL 2.0 and 3.0, and nmap says the same of the former', async (t) => {
  const port = await oldServer(t, "ciphers: 'ALL:SSLv2'");
  if (port === null) return;
  const { ssl2, versions } = (await tlsProbe.probe(targetAt(port))) as TlsProbe;
  assert.ok(versions.includes('SSLv3'));
  assert.equal(ssl2, 'spoken');
  const nmap = nmapSays(port);
  if (nmap === null) return t.diagnostic('nmap is not installed: not compared');
  assert.equal(nmap, true);
});

/** As on 443, where TLS is usual; it really listens at another port. */
const where = (port: number, usual = 443) => ({ ...targetAt(port), port: usual });

test('one that speaks SSL 2.0 and nothing else is known as TLS all the same, with its certificate', async (t) => {
  const port = await oldServer(t, "ciphers: 'ALL:SSLv2', secureProtocol: 'SSLv2_server_method'");
  if (port === null) return;
  const probe = (await identifyAndProbe(where(port))) as TlsProbe;
  const { protocol, ssl2, versions, unknownVersions, heartbleed } = probe;
  assert.deepEqual(
    { protocol, ssl2, versions, unknownVersions, verdict: heartbleed.verdict },
    { protocol: 'tls', ssl2: 'spoken', versions: [], unknownVersions: undefined, verdict: 'safe' },
  );
  const own = new X509Certificate(readFileSync(pki.certificate));
  assert.deepEqual(
    probe.chain.map(({ fingerprint }) => fingerprint),
    [own.fingerprint256.replaceAll(':', '').toLowerCase()],
  );
  assert.equal(((await tlsProbe.probe(targetAt(port))) as TlsProbe).ssl2, 'spoken', 'asked as TLS at any port');
});

test('a server of today refuses it, in so many words', async (t) => {
  if (!wants(t, 'openssl')) return;
  const port = await freePort();
  const argv = ['openssl', 's_server', '-quiet', '-key', pki.key, '-cert', pki.certificate];
  const server = await startServer([...argv, '-accept', `127.0.0.1:${port}`], port);
  t.after(() => server.close());
  assert.equal(((await tlsProbe.probe(targetAt(port))) as TlsProbe).ssl2, 'refused');
});

/** SERVER-HELLO as the specification has it: no ciphers in common, a certificate of one byte. */
const SERVER_HELLO = Buffer.from([0x80, 12, 4, 0, 1, 0, 2, 0, 1, 0, 0, 0, 0, 0xaa]);
const ANSWERS: { what: string; bytes: Buffer; is: 'spoken' | 'refused' | null }[] = [
  { what: 'a SERVER-HELLO', bytes: SERVER_HELLO, is: 'spoken' },
  { what: 'a SERVER-HELLO of another version', bytes: Buffer.from([0x80, 12, 4, 0, 1, 3, 1]), is: null },
  { what: 'one too short to be one', bytes: Buffer.from([0x80, 5, 4, 0, 1, 0, 2]), is: null },
  { what: 'our own hello, echoed', bytes: ssl2Hello().subarray(0, 7), is: null },
  { what: 'an error of SSL 2.0: no cipher', bytes: Buffer.from([0x80, 3, 0, 0, 1, 0, 0]), is: 'refused' },
  { what: 'an alert of TLS', bytes: Buffer.from([21, 3, 1, 0, 2, 2, 70]), is: 'refused' },
  { what: 'a page', bytes: Buffer.from('HTTP/1.'), is: null },
];
for (const { what, bytes, is } of ANSWERS)
  test(`${what} is read as ${is}`, () => assert.equal(readSsl2(bytes.subarray(0, 7)), is));

test('what hangs up means no where it serves on; silence, and hanging up for good, are neither', async (t) => {
  const hangsUp = await listenWith((socket) => socket.once('data', () => socket.destroy()));
  const mute = await listenWith(() => undefined);
  const speaks = await listenWith((socket) => socket.once('data', () => socket.write(SERVER_HELLO)));
  t.after(() => Promise.all([hangsUp, mute, speaks].map((one) => one.close())));
  assert.equal(await askSsl2(targetAt(hangsUp.port), yes), 'refused');
  assert.equal(await askSsl2(targetAt(hangsUp.port), no), 'unknown');
  assert.equal(await askSsl2(targetAt(mute.port), yes), 'unknown');
  assert.equal(await askSsl2(targetAt(speaks.port), no), 'spoken');
});

/** Answers nothing but the hello of SSL 2.0; to everything else it hangs up, or waits for more. */
async function onlySsl2(t: TestContext, answer: Buffer, hangsUp: boolean): Promise<{ port: number; asked(): number }> {
  let asked = 0;
  const server = await listenWith((socket) =>
    socket.once('data', (bytes) => {
      if (readHello(bytes)) asked++;
      if (readHello(bytes)) socket.write(answer);
      else if (hangsUp) socket.destroy();
    }),
  );
  t.after(() => server.close());
  return { port: server.port, asked: () => asked };
}

const readHello = (bytes: Buffer): boolean => bytes[0] === 0x80 && bytes[2] === 1;

test('it is asked last, once, and only where TLS is usual; what is no answer to it stays unknown', async (t) => {
  const speaks = await onlySsl2(t, SERVER_HELLO, true);
  assert.equal((await identifyAndProbe(where(speaks.port, 8081))).protocol, 'unknown');
  assert.equal(speaks.asked(), 0);
  const { ssl2, chain } = (await identifyAndProbe(where(speaks.port, 8443))) as TlsProbe;
  assert.deepEqual([ssl2, chain, speaks.asked()], ['spoken', [], 1], 'a certificate of one byte is none');
  const waits = await onlySsl2(t, SERVER_HELLO, false);
  const { unknownVersions, heartbleed } = (await identifyAndProbe(where(waits.port))) as TlsProbe;
  assert.deepEqual([unknownVersions, heartbleed.verdict], [TlsVersion.options, 'unknown']);
  // Promises more than it sends, and keeps the line open.
  const cut = await onlySsl2(t, Buffer.from([0x80, 200, 4, 0, 1, 0, 2, 0, 189, 0, 0, 0, 0, 0x30]), true);
  const before = performance.now();
  assert.deepEqual(((await identifyAndProbe(where(cut.port))) as TlsProbe).chain, []);
  assert.ok(performance.now() - before < 8000);
  for (const answer of [Buffer.from([0x80, 3, 0, 0, 1, 0, 0]), Buffer.from('HTTP/1.0 400 no\r\n'), Buffer.alloc(0)]) {
    const other = await onlySsl2(t, answer, true);
    assert.equal((await identifyAndProbe(where(other.port))).protocol, 'unknown', answer.toString('hex'));
    assert.equal(other.asked(), 1);
  }
});
