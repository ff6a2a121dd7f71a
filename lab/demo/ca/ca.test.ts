import 'reflect-metadata';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SignJWT, generateKeyPair } from 'jose';
import { keyAndRequest } from '../host/keys.ts';
import { oneTimeToken, revokeSerial, signRequest } from './client.ts';
import { startAuthority, type Authority } from './index.ts';

const openssl = spawnSync('openssl', ['version']).status === 0;
const skip = openssl ? false : 'needs openssl as the oracle';
let authority: Authority;
let stop: () => Promise<void>;
let dir: string;
before(async () => {
  const started = await startAuthority({ address: '127.79.13.2', port: 9000, tlsPort: 9443, provisioner: 'demo' });
  ({ authority } = started);
  stop = started.process.stop;
  dir = mkdtempSync(join(tmpdir(), 'lastember-ca-'));
  writeFileSync(join(dir, 'root.pem'), authority.root);
});
after(async () => {
  await stop();
  rmSync(dir, { recursive: true, force: true });
});

async function issueOne(names: string[]): Promise<{ csr: string; crt: string; file: string }> {
  const { csr } = await keyAndRequest(names);
  const crt = await signRequest(authority, csr, names);
  const file = join(dir, `${names[0]}.pem`);
  writeFileSync(file, crt);
  return { csr, crt, file };
}
const ask = (path: string, body: object): Promise<Response> =>
  fetch(`${authority.url}${path}`, { method: 'POST', body: JSON.stringify(body) });

test('openssl accepts the chain, the CRL, and sees a revocation', { skip }, async () => {
  const { file } = await issueOne(['shop.demo.test', '127.79.14.10']);
  const text = execFileSync('openssl', ['x509', '-in', file, '-noout', '-text'], { encoding: 'utf8' });
  assert.match(text, /DNS:shop\.demo\.test, IP Address:127\.79\.14\.10/);
  assert.match(text, /URI:http:\/\/127\.79\.13\.2:9000\/1\.0\/crl/);
  const check = async (): Promise<string> => {
    writeFileSync(join(dir, 'crl.der'), Buffer.from(await (await fetch(`${authority.url}/1.0/crl`)).arrayBuffer()));
    execFileSync('openssl', ['crl', '-inform', 'DER', '-in', join(dir, 'crl.der'), '-out', join(dir, 'crl.pem')]);
    const args = ['verify', '-CAfile', join(dir, 'root.pem'), '-crl_check', '-CRLfile', join(dir, 'crl.pem'), file];
    const result = spawnSync('openssl', args, { encoding: 'utf8' });
    return `${result.status} ${result.stdout}${result.stderr}`;
  };
  assert.match(await check(), /^0 .*: OK/);
  const serial = execFileSync('openssl', ['x509', '-in', file, '-noout', '-serial'], { encoding: 'utf8' });
  await revokeSerial(authority, BigInt(`0x${serial.trim().split('=')[1]}`).toString());
  assert.match(await check(), /certificate revoked/);
  const crl = execFileSync('openssl', ['crl', '-in', join(dir, 'crl.pem'), '-noout', '-text'], { encoding: 'utf8' });
  assert.match(crl, /Key Compromise/);
});

test('a one-time token works once, for its names and its purpose only', async () => {
  const names = ['once.demo.test'];
  const { csr } = await keyAndRequest(names);
  const ott = await oneTimeToken(authority, '/sign', names[0]!, names);
  assert.equal((await ask('/1.0/sign', { csr, ott })).status, 201);
  const again = await ask('/1.0/sign', { csr, ott });
  assert.equal(again.status, 401);
  assert.match(((await again.json()) as { message: string }).message, /already used/);
  const other = await keyAndRequest(['other.demo.test']);
  const narrow = await oneTimeToken(authority, '/sign', names[0]!, names);
  assert.equal((await ask('/1.0/sign', { csr: other.csr, ott: narrow })).status, 403);
  const forRevoking = await oneTimeToken(authority, '/revoke', names[0]!, names);
  assert.equal((await ask('/1.0/sign', { csr, ott: forRevoking })).status, 401);
});

test('a token of another key, an unknown serial and a malformed body are refused', async () => {
  const { csr } = await keyAndRequest(['x.demo.test']);
  const { privateKey } = await generateKeyPair('ES256');
  const forged = await new SignJWT({ sans: ['x.demo.test'] })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer(authority.provisioner)
    .setAudience(`${authority.url}/1.0/sign`)
    .setSubject('x.demo.test')
    .setIssuedAt()
    .setNotBefore('0s')
    .setExpirationTime('5m')
    .setJti('0123456789')
    .sign(privateKey);
  assert.equal((await ask('/1.0/sign', { csr, ott: forged })).status, 401);
  await assert.rejects(revokeSerial(authority, '12345'), /404.*No certificate with serial number 12345/);
  assert.equal((await ask('/1.0/revoke', { serial: 'nonsense' })).status, 400);
  assert.equal((await fetch(`${authority.url}/1.0/nothing`)).status, 404);
});
