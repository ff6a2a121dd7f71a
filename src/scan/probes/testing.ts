import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ProbeResult } from '../../model/probe.ts';
import { newBucket } from '../logic/pace.ts';
import { createGuard } from '../scanner/guard.ts';
import { newTarget, type ProbeTarget } from './contract.ts';
import { identifyAndProbe } from './identify.ts';
import { describeChain } from './tls/certificate.ts';

/** A guard for tests: all of 127.0.0.0/8 and nothing else, in no hurry. */
export const loopbackGuard = () =>
  createGuard({ allows: (address) => address.startsWith('127.'), bucket: newBucket(10_000, performance.now()) });

export const targetAt = (port: number, deadlineMs = 15_000): ProbeTarget =>
  newTarget(loopbackGuard(), { address: '127.0.0.1', port, connectMs: 1000, deadlineMs });

export const look = (port: number, deadlineMs?: number): Promise<ProbeResult> =>
  identifyAndProbe(targetAt(port, deadlineMs));

export interface Disposable {
  port: number;
  close(): Promise<void>;
}

/** A TCP server that treats each connection as `behave` says. */
export async function listenWith(
  behave: (socket: Socket) => void,
  address = '127.0.0.1',
  port = 0,
): Promise<Disposable> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    behave(socket);
  });
  server.listen(port, address);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface Pki {
  dir: string;
  key: string;
  certificate: string;
  remove(): void;
}

/** A self-signed certificate with the extensions that we read, made by openssl. */
export function selfSigned(options: { bits?: number; names?: string } = {}): Pki {
  const dir = mkdtempSync(join(tmpdir(), 'lastember-probe-'));
  const key = join(dir, 'key.pem');
  const certificate = join(dir, 'cert.pem');
  const argv = [
    'req',
    '-x509',
    '-newkey',
    `rsa:${options.bits ?? 2048}`,
    '-nodes',
    '-keyout',
    key,
    '-out',
    certificate,
  ];
  const extensions = [
    `subjectAltName=${options.names ?? 'DNS:shop.example,DNS:www.shop.example'}`,
    'crlDistributionPoints=URI:http://ca.example/crl',
    'authorityInfoAccess=OCSP;URI:http://ca.example/ocsp',
  ].flatMap((extension) => ['-addext', extension]);
  execFileSync('openssl', [...argv, '-subj', '/O=Example/CN=shop.example', '-days', '30', ...extensions], {
    stdio: 'ignore',
  });
  return { dir, key, certificate, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Runs a program until its `port` answers. */
export async function startServer(
  argv: string[],
  port: number,
  { address = '127.0.0.1', ...as }: { uid?: number; gid?: number; address?: string } = {},
): Promise<Disposable> {
  const child: ChildProcess = spawn(argv[0]!, argv.slice(1), { ...as, stdio: ['pipe', 'ignore', 'ignore'] });
  const exited = once(child, 'exit');
  const guard = loopbackGuard();
  for (let attempt = 0; attempt < 100; attempt++) {
    const socket = await guard.connect(address, port, { timeoutMs: 500 }).catch(() => null);
    if (socket) {
      socket.destroy();
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    port,
    close: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Is this server's program here? Otherwise the test is skipped, and says why. */
export function wants(t: TestContext, program: string): boolean {
  const isHere = spawnSync(program, ['--version'], { timeout: 10_000 }).error === undefined;
  if (!isHere) t.skip(`${program} is not installed`);
  return isHere;
}

export async function freePort(): Promise<number> {
  const server = await listenWith(() => undefined);
  await server.close();
  return server.port;
}

/** An HTTPS server on a runtime of 2013, written in the JavaScript of 2013. */
export async function startOldNode(node: string, pki: Pki): Promise<Disposable> {
  const port = await freePort();
  const script = join(pki.dir, `server-${port}.js`);
  writeFileSync(
    script,
    `var fs = require('fs');
require('https').createServer({ key: fs.readFileSync(${JSON.stringify(pki.key)}), cert: fs.readFileSync(${JSON.stringify(pki.certificate)}) },
  function (req, res) { res.end('hello'); }).listen(${port}, '127.0.0.1');
`,
  );
  return startServer([node, script], port);
}

/** What a probe tells of a server with this chain. */
export function tlsShowing(...chain: X509Certificate[]): ProbeResult {
  return {
    protocol: 'tls',
    versions: ['TLSv1.3'],
    chain: describeChain(chain.map(({ raw }) => raw)),
    heartbleed: { verdict: 'safe', extension: false, leakedBytes: 0, reason: 'x' },
  };
}
