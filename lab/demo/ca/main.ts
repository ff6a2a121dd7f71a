/**
 * The demo's certificate authority as a process: `node main.ts '{"address":…,"port":…,"provisioner":…}'`. When it
 * listens it prints one JSON line: its URLs, its root, and the provisioner's private key. It ends when its standard
 * input closes.
 */
import 'reflect-metadata';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server } from 'node:net';
import * as x509 from '@peculiar/x509';
import { createPrivateKey } from 'node:crypto';
import { authorityApi, type AuthorityState } from './api.ts';
import { createIssuer, issue, readRequest, type Issuer } from './issuer.ts';
import { createProvisioner, tokenChecker } from './tokens.ts';

export interface AuthorityOptions {
  address: string;
  port: number;
  tlsPort: number;
  provisioner: string;
}

const options = JSON.parse(process.argv[2] ?? '') as AuthorityOptions;
const url = `http://${options.address}:${options.port}`;
const tlsUrl = `https://${options.address}:${options.tlsPort}`;
const [issuer, provisioner] = await Promise.all([
  createIssuer('Demo estate authority'),
  createProvisioner(options.provisioner),
]);
const state: AuthorityState = {
  issuer,
  issued: new Map(),
  revoked: new Map(),
  crlUrl: `${url}/1.0/crl`,
  urls: [url, tlsUrl],
  checkToken: tokenChecker(provisioner),
};

/** A certificate of its own for the HTTPS listener. */
async function ownIdentity(from: Issuer): Promise<{ key: string; cert: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
  const san = new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: options.address }]);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: `CN=${options.address}`,
    keys,
    signingAlgorithm: algorithm,
    extensions: [san],
  });
  const certificate = await issue(from, await readRequest(csr.toString('pem')), state.crlUrl, 365);
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' });
  return { key: key.toString(), cert: `${certificate.toString('pem')}\n` };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => server.once('error', reject).listen(port, options.address, resolve));
}

const handler = authorityApi(state);
try {
  await listen(createServer(handler), options.port);
  await listen(createTlsServer(await ownIdentity(issuer), handler), options.tlsPort);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}
const root = `${issuer.certificate.toString('pem')}\n`;
process.stdout.write(`${JSON.stringify({ url, tlsUrl, root, provisionerKey: provisioner.privateKey })}\n`);
process.stdin.resume().on('close', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
process.on('SIGINT', () => {});
