import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import type { Connection, ServerChannel } from 'ssh2';
import { PATH_DIRS } from '../../host.ts';
import { sshFingerprint } from '../../pki/ssh-fingerprint.ts';
import { serveFiles } from './files.ts';

export interface TestSshServer {
  port: number;
  fingerprint: string;
  /** how many clients logged in */
  logins(): number;
  /** connections that were made through it, as `address:port` */
  forwarded: string[];
  /** a path that it never answers a question about */
  silent: string | null;
  /** ends every connection at once, as a rebooting machine does */
  drop(): void;
  close(): Promise<void>;
}

interface TestSshOptions {
  root: string;
  hostKey: string;
  username: string;
  password?: string;
  publicKey?: string;
  /** false: a server without SFTP, as small ones are */
  sftp?: false;
  /** true: a machine with perl and Python, which see the whole machine and not only `root` */
  interpreters?: boolean;
  /** where commands are looked for first, with colons between */
  path?: string;
  /** 127.0.0.1 unless told otherwise */
  address?: string;
  /** any that is free unless told otherwise */
  port?: number;
}

/** A real SSH server whose file tree is `root`; commands run in `sh -c` there. For tests only. */
export async function testSshServer(options: TestSshOptions): Promise<TestSshServer> {
  const clients = new Set<Connection>();
  let logins = 0;
  const told: { silent: string | null } = { silent: null };
  const forwarded: string[] = [];
  const server = new ssh2.Server({ hostKeys: [options.hostKey] }, (client) => {
    clients.add(client);
    (client as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true);
    client.on('error', () => {});
    client.on('close', () => clients.delete(client));
    client.on('authentication', (context) => {
      if (allowed(options, context)) context.accept();
      else context.reject(['password', 'publickey']);
    });
    client.on('tcpip', (accept, reject, { destIP, destPort }) => {
      forwarded.push(`${destIP}:${destPort}`);
      const socket = connect(destPort, destIP);
      socket.once('connect', () => {
        const channel = accept();
        socket.pipe(channel).pipe(socket);
        channel.on('close', () => socket.destroy());
      });
      socket.once('error', () => reject());
    });
    client.on('ready', () => {
      logins += 1;
      client.on('session', (accept) => {
        const session = accept();
        session.on('exec', (acceptExec, _reject, info) => runIn(options, info.command, acceptExec()));
        if (options.sftp === false) return;
        session.on('sftp', (acceptSftp) => serveFiles(options.root, acceptSftp(), (path) => path === told.silent));
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, options.address ?? '127.0.0.1', resolve));
  const key = ssh2.utils.parseKey(options.hostKey);
  if (key instanceof Error) throw key;
  return Object.assign(told, {
    port: (server.address() as AddressInfo).port,
    fingerprint: sshFingerprint(key.getPublicSSH()),
    logins: () => logins,
    forwarded,
    drop: () => clients.forEach((client) => client.end()),
    close: () =>
      new Promise<void>((resolve) => {
        clients.forEach((client) => client.end());
        server.close(() => resolve());
      }),
  });
}

function allowed(
  options: { username: string; password?: string; publicKey?: string },
  context: ssh2.AuthContext,
): boolean {
  if (context.username !== options.username) return false;
  if (context.method === 'password') return options.password !== undefined && context.password === options.password;
  if (context.method !== 'publickey' || options.publicKey === undefined) return false;
  const key = ssh2.utils.parseKey(options.publicKey);
  if (key instanceof Error || !key.getPublicSSH().equals(context.key.data)) return false;
  return context.signature === undefined || key.verify(context.blob!, context.signature, context.hashAlgo) === true;
}

/** Commands of package managers that go to the network. */
const FETCHES = /\b(apt-get|dnf5?|zypper|apk)\b.* '?(?:update|makecache|refresh)\b/;
const INTERPRETER = /\b(?:perl -e|(?:python3|platform-python) -c) /;

function runIn(
  options: { root: string; path?: string; interpreters?: boolean },
  command: string,
  channel: ServerChannel,
): void {
  const dirs = options.path?.split(':') ?? [];
  const fetcher = FETCHES.exec(command)?.[1];
  // Where the test has none of its own, that would be this machine's, and go to its archive.
  if (fetcher && !dirs.some((dir) => existsSync(join(dir, fetcher)))) {
    channel.exit(127);
    channel.end();
    return;
  }
  const line = options.interpreters ? command : command.replace(INTERPRETER, 'no-$&');
  const path = [...dirs, ...PATH_DIRS].join(':');
  // A process group of its own, so that what the command started ends with it.
  const how = { cwd: options.root, env: { PATH: path, LASTEMBER_HOST_ROOT: options.root }, detached: true };
  const child = spawn('/bin/sh', ['-c', line], how);
  child.stdin.on('error', () => {});
  channel.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  channel.on('close', () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGTERM');
  });
  child.on('close', (code, signal) => {
    if (signal) channel.exit(signal.replace('SIG', ''));
    else channel.exit(code ?? 1);
    channel.end();
  });
}
