import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { oldRuntime } from '../../../../lab/demo/runtimes.ts';
import type { TlsProbe } from '../../../model/probe.ts';
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

test('a really old server speaks SSL 2.0 and 3.0, and nmap says the same of the former', async (t) => {
  const node = await oldRuntime('0.10.0').catch((error: Error) => error);
  if (node instanceof Error) return t.skip(`the old runtime could not be fetched: ${node.message}`);
  const [port, script] = [await freePort(), join(pki.dir, 'ssl2.js')];
  const files = `key: fs.readFileSync(${JSON.stringify(pki.key)}), cert: fs.readFileSync(${JSON.stringify(pki.certificate)})`;
  writeFileSync(
    script,
    `var fs = require('fs'); require('https').createServer({ ${files}, ciphers: 'ALL:SSLv2' }).listen(${port}, '127.0.0.1');`,
  );
  const server = await startServer([node, script], port);
  t.after(() => server.close());
  const { ssl2, versions } = (await tlsProbe.probe(targetAt(port))) as TlsProbe;
  assert.ok(versions.includes('SSLv3'));
  assert.equal(ssl2, 'spoken');
  const nmap = nmapSays(port);
  if (nmap === null) return t.diagnostic('nmap is not installed: not compared');
  assert.equal(nmap, true);
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
