import type { Client } from 'ssh2';
import { AppError } from '../../model/errors/index.ts';
import type { Host } from '../host.ts';
import { IN_OUR_LANGUAGE, openCommand, type Become, type Running } from './become.ts';
import { Budget } from './budget.ts';
import { connect, type SshTarget } from './connect.ts';
import { execOver } from './exec.ts';
import { openSftp, sftpFiles } from './sftp.ts';
import { openShell } from './shell.ts';
import { openReader, type Reader } from './reader.ts';
import { shellFiles, type ShellFiles as Files } from './shell-files.ts';

export type { Become } from './become.ts';
export { sshFingerprint } from '../pki/ssh-fingerprint.ts';
export type { SshTarget } from './connect.ts';

export interface SshHost extends Host {
  /** `SHA256:…` of the key the server proved to hold */
  readonly hostKey: string;
  /** address and port */
  readonly name: string;
  /** A command that stays, as root as any other: what it says is told as it comes. It ends with the connection at the latest. */
  open(argv: readonly string[]): Promise<Running>;
}

/** A channel that says nothing for so long, although it was asked, is given up for another. Writing may wait for a disk. */
const PATIENCE_MS = 20_000;

/** A machine over SSH: one connection, and one channel for all its files, until `close`. */
export async function sshHost(target: SshTarget): Promise<SshHost> {
  const { client, hostKey, end } = await connect(target);
  const name = `${target.address}:${target.port}`;
  const become = target.become ?? null;
  client.removeAllListeners('error');
  // Whoever waits for an answer is told by its own call; an error in between is told to the next one.
  client.on('error', () => {});
  let closed = false;
  client.on('close', () => {
    closed = true;
  });
  const budget = new Budget();
  const hasShell = shellOf(client, name, become);
  const exec: Host['exec'] = async (argv, options) => {
    if (closed) throw new AppError('HOST_CONNECTION_LOST', { host: name, doing: `running \`${argv.join(' ')}\`` });
    const before = (await hasShell()) ? IN_OUR_LANGUAGE : [];
    const result = await execOver(client, name, argv, { ...options, become, before });
    budget.spend(result.stdout.length + result.stderr.length, 'running', argv[0] ?? '');
    return result;
  };
  const way: Way = { name, target, exec, isClosed: () => closed };
  const files = fileChannel(client, way);
  const look = eyes(client, way, files);
  return {
    far: true,
    hostKey,
    name,
    open: async (argv) => openCommand(client, name, [...IN_OUR_LANGUAGE, ...argv], become),
    read: async (path, options) => {
      const bytes = await (await look()).read(path, options);
      budget.spend(bytes?.length ?? 0, 'reading', path);
      return bytes;
    },
    list: async (path) => {
      const names = await (await look()).list(path);
      budget.spend(
        (names ?? []).reduce((sum, one) => sum + one.length, 0),
        'listing',
        path,
      );
      return names;
    },
    stat: async (path) => (await look()).stat(path),
    readlink: async (path) => (await look()).readlink(path),
    write: async (path, bytes, mode) => (await files()).write(path, bytes, mode),
    chmod: async (path, mode) => (await files()).chmod(path, mode),
    rename: async (from, to) => (await files()).rename(from, to),
    remove: async (path) => (await files()).remove(path),
    mkdir: async (path, mode) => (await files()).mkdir(path, mode),
    exec,
    shown: (path) => path,
    close: () =>
      new Promise((resolve) => {
        if (closed) return resolve();
        client.once('close', () => resolve());
        end();
        return undefined;
      }),
  };
}

/** Some servers run commands and have no shell; whoever becomes root has been through one. Asked once. */
function shellOf(client: Client, name: string, become: Become | null): () => Promise<boolean> {
  let known: boolean | null = become === null ? null : true;
  return async () => {
    known ??= (await execOver(client, name, ['/bin/sh', '-c', 'exit 0'], { become, timeoutMs: 15_000 })).code === 0;
    return known;
  };
}

interface Way {
  name: string;
  target: SshTarget;
  exec: Host['exec'];
  isClosed(): boolean;
}

const lost = (name: string): AppError =>
  new AppError('HOST_CONNECTION_LOST', { host: name, doing: 'opening a file channel' });

/**
 * What looks at files, opened when first needed, and anew after it fell silent: a process there that answers many questions
 * at once, and where there can be none, the channel that also writes.
 */
function eyes(client: Client, { name, target, isClosed }: Way, files: () => Promise<Files>): () => Promise<Reader> {
  let opened: Promise<Reader | null> | null = null;
  const open = async (): Promise<Reader | null> => {
    if (isClosed()) throw lost(name);
    return openReader({
      client,
      host: name,
      become: target.become ?? null,
      patienceMs: target.patienceMs ?? PATIENCE_MS,
      root: target.root ?? '',
      onEnd: () => {
        opened = null;
      },
    });
  };
  return async () => (target.files === undefined ? await (opened ??= open()) : null) ?? files();
}

/** The channel for files, opened when first needed, and anew after one that fell silent. */
function fileChannel(client: Client, { name, target, exec, isClosed }: Way): () => Promise<Files> {
  const become = target.become ?? null;
  const patienceMs = target.patienceMs ?? PATIENCE_MS;
  let opened: Promise<Files> | null = null;
  const forget = (): void => {
    opened = null;
  };
  const byShell = async (): Promise<Files> => {
    const { channel } = await openCommand(client, name, [...IN_OUR_LANGUAGE, '/bin/sh'], become);
    const shell = openShell(channel, name, forget, patienceMs);
    return shellFiles({ shell, run: exec, ...(target.root === undefined ? {} : { root: target.root }) });
  };
  // SFTP has the rights of the login, not of root; and small servers have none.
  const open = async (): Promise<Files> => {
    if (isClosed()) throw lost(name);
    if (become !== null || target.files === 'shell') return byShell();
    const sftp = await openSftp(client, name);
    return sftp === null ? byShell() : sftpFiles(sftp, name, forget, patienceMs);
  };
  return () => (opened ??= open());
}
