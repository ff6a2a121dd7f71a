import { once } from 'node:events';
import type { Client } from 'ssh2';
import { AppError } from '../../model/errors/index.ts';
import type { Host, Wanted } from '../host.ts';
import { IN_OUR_LANGUAGE, openCommand, type Become, type Running } from './become.ts';
import { Budget } from './budget.ts';
import { connect, type SshTarget } from './connect.ts';
import { execOver } from './exec.ts';
import { openSftp, sftpFiles } from './sftp.ts';
import { openShell } from './shell.ts';
import { knowing } from './reader-gather.ts';
import { openReader, type FarReader, type Reader } from './reader.ts';
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
  const reader = readerOf(client, way);
  const look = async (): Promise<Reader> => (await reader()) ?? files();
  const host: SshHost = {
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
    glance: async (paths, missed) =>
      glanceAt(host, { reader: target.root === undefined ? reader : null, paths, missed, budget }),
    close: () => (closed ? Promise.resolve() : ending(client, end)),
  };
  return host;
}

async function ending(client: Client, end: () => void): Promise<void> {
  const gone = once(client, 'close');
  end();
  await gone;
}

interface Glance {
  /** null: what is asked in one go would not have the prefix of paths */
  reader: (() => Promise<FarReader | null>) | null;
  paths: readonly Wanted[];
  missed: ((one: Wanted) => void) | undefined;
  budget: Budget;
}

async function glanceAt(host: SshHost, { reader, paths, missed, budget }: Glance): Promise<Host> {
  const there = await reader?.();
  if (!reader || !there) return host;
  // What cannot be had in one go is asked for one by one, and says then what is wrong with it.
  const { read, list, stat, readlink } = await there
    .gather(paths, host, missed)
    .catch(() => knowing(new Map(), host, missed));
  // A channel for each command would be a login shell for each.
  const exec: Host['exec'] = async (argv, options) => {
    const still = options?.stdin === undefined ? await reader() : null;
    if (still === null) return host.exec(argv, options);
    const result = await still.exec(argv, options);
    budget.spend(result.stdout.length + result.stderr.length, 'running', argv[0] ?? '');
    return result;
  };
  return { ...host, read, list, stat, readlink, exec };
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
 * at once. null where there can be none: the channel that also writes has to do.
 */
function readerOf(client: Client, { name, target, isClosed }: Way): () => Promise<FarReader | null> {
  let opened: Promise<FarReader | null> | null = null;
  const open = async (): Promise<FarReader | null> => {
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
  return async () => (target.files === undefined ? (opened ??= open()) : null);
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
