import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { test } from 'node:test';
import { createAuthority, issueAgent, issueListener, readRequest } from './certificates.ts';

const now = new Date();

async function agentRequest(): Promise<{ csr: string; keys: CryptoKeyPair }> {
  const keys = (await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify'])) as CryptoKeyPair;
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=anything',
    keys,
    signingAlgorithm: { name: 'Ed25519' },
  });
  return { csr: csr.toString('pem'), keys };
}

async function pemOf(key: CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

test('openssl verifies what the authority issues, each for its own purpose only', async (t) => {
  if (spawnSync('openssl', ['version']).status !== 0) return t.skip('openssl is not installed');
  const authority = await createAuthority(now, '4001');
  const request = await readRequest((await agentRequest()).csr);
  const agent = await issueAgent(authority, request!.request, { id: 'agent_1', serial: '4002', now, days: 90 });
  const listener = await issueListener(authority, { hosts: ['127.0.0.1', 'lastember.example'], serial: '4003', now });
  const dir = mkdtempSync(join(tmpdir(), 'lastember-ca-'));
  try {
    writeFileSync(join(dir, 'ca.pem'), authority.certificate);
    const verify = (pem: string, purpose: string): number | null => {
      writeFileSync(join(dir, 'leaf.pem'), pem);
      return spawnSync('openssl', [
        'verify',
        '-x509_strict',
        '-purpose',
        purpose,
        '-CAfile',
        join(dir, 'ca.pem'),
        join(dir, 'leaf.pem'),
      ]).status;
    };
    assert.equal(verify(agent.certificate, 'sslclient'), 0);
    assert.notEqual(verify(agent.certificate, 'sslserver'), 0);
    assert.equal(verify(listener.cert, 'sslserver'), 0);
    assert.notEqual(verify(listener.cert, 'sslclient'), 0);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('an agent and the listener meet over mutual TLS; a certificate of another authority is not authorised', async () => {
  const authority = await createAuthority(now, '4001');
  const stranger = await createAuthority(now, '4001');
  const { csr, keys } = await agentRequest();
  const request = (await readRequest(csr))!.request;
  const good = await issueAgent(authority, request, { id: 'agent_1', serial: '4002', now, days: 1 });
  const forged = await issueAgent(stranger, request, { id: 'agent_1', serial: '4002', now, days: 1 });
  const listener = await issueListener(authority, { hosts: ['127.0.0.1'], serial: '4003', now });
  const seen: boolean[] = [];
  const server = createServer(
    { key: listener.key, cert: listener.cert, ca: authority.certificate, requestCert: true, rejectUnauthorized: false },
    (socket) => {
      seen.push(socket.authorized);
      socket.end();
    },
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = (server.address() as { port: number }).port;
  const key = await pemOf(keys.privateKey);
  for (const cert of [good.certificate, forged.certificate]) {
    const socket = connect({ host: '127.0.0.1', port, key, cert, ca: authority.certificate }).resume();
    await once(socket, 'close');
  }
  server.close();
  assert.deepEqual(seen, [true, false]);
});

test('only self-signed Ed25519 requests are read; the subject they ask for is not taken over', async () => {
  assert.equal(await readRequest('garbage'), null);
  const rsa = await crypto.subtle.generateKey(
    { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
    true,
    ['sign', 'verify'],
  );
  const other = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=x',
    keys: rsa,
    signingAlgorithm: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  });
  assert.equal(await readRequest(other.toString('pem')), null);
  const authority = await createAuthority(now, '4001');
  const issued = await issueAgent(authority, (await readRequest((await agentRequest()).csr))!.request, {
    id: 'agent_7',
    serial: '4002',
    now,
    days: 1,
  });
  assert.equal(new x509.X509Certificate(issued.certificate).subject, 'CN=agent_7');
});
