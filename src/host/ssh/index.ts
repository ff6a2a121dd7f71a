import type { Client, SFTPWrapper } from 'ssh2';
import { AppError } from '../../model/errors/index.ts';
import type { Host } from '../host.ts';
import { openCommand } from './become.ts';
import { connect, type SshTarget } from './connect.ts';
import { execOver } from './exec.ts';
import * as files from './files.ts';
import { openShell } from './shell.ts';
import { shellFiles, type ShellFiles as Files } from './shell-files.ts';

export type { Become } from './become.ts';
export { sshFingerprint, type SshTarget } from './connect.ts';

export interface SshHost extends Host {
  /** `SHA256:…` of the key the server proved to hold */
  readonly hostKey: string;
}

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
  const exec: Host['exec'] = async (argv, options) => {
    if (closed) throw new AppError('HOST_CONNECTION_LOST', { host: name, doing: `running \`${argv.join(' ')}\`` });
    return execOver(client, name, argv, { ...options, become });
  };
  const byShell = async (): Promise<Files> => {
    const shell = openShell((await openCommand(client, name, ['/bin/sh'], become)).channel, name);
    return shellFiles({ shell, run: exec, ...(target.root === undefined ? {} : { root: target.root }) });
  };
  // SFTP has the rights of the login, not of root; and small servers have none.
  const open = async (): Promise<Files> => {
    if (closed) throw new AppError('HOST_CONNECTION_LOST', { host: name, doing: 'opening a file channel' });
    if (become !== null || target.files === 'shell') return byShell();
    const sftp = await openSftp(client, name);
    return sftp === null ? byShell() : sftpFiles(sftp);
  };
  let opened: Promise<Files> | null = null;
  const files = (): Promise<Files> => (opened ??= open());
  return {
    hostKey,
    read: async (path, options) => (await files()).read(path, options),
    list: async (path) => (await files()).list(path),
    stat: async (path) => (await files()).stat(path),
    readlink: async (path) => (await files()).readlink(path),
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

function sftpFiles(sftp: SFTPWrapper): Files {
  return {
    read: (path, options) => files.read(sftp, path, options?.maxBytes),
    list: (path) => files.list(sftp, path),
    stat: (path) => files.stat(sftp, path),
    readlink: (path) => files.readlink(sftp, path),
    write: (path, bytes, mode) => files.write(sftp, path, bytes, mode),
    chmod: (path, mode) => files.chmod(sftp, path, mode),
    rename: (from, to) => files.rename(sftp, from, to),
    remove: (path) => files.remove(sftp, path),
    mkdir: (path, mode) => files.mkdir(sftp, path, mode),
  };
}

/** null: the server has no SFTP. */
function openSftp(client: Client, host: string): Promise<SFTPWrapper | null> {
  return new Promise((resolve, reject) => {
    const lost = (): void => reject(new AppError('HOST_CONNECTION_LOST', { host, doing: 'opening a file channel' }));
    client.once('close', lost);
    client.sftp((error, sftp) => {
      client.off('close', lost);
      resolve(error ? null : sftp);
    });
  });
}
