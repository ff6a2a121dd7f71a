import type { Client, SFTPWrapper } from 'ssh2';
import { AppError } from '../../model/errors/index.ts';
import type { Host } from '../host.ts';
import { connect, type SshTarget } from './connect.ts';
import { execOver } from './exec.ts';
import * as files from './files.ts';

export { sshFingerprint, type SshTarget } from './connect.ts';

export interface SshHost extends Host {
  /** `SHA256:…` of the key the server proved to hold */
  readonly hostKey: string;
}

/** A machine over SSH: one connection and one SFTP channel for everything, until `close`. */
export async function sshHost(target: SshTarget): Promise<SshHost> {
  const { client, hostKey } = await connect(target);
  const name = `${target.address}:${target.port}`;
  client.removeAllListeners('error');
  // Whoever waits for an answer is told by its own call; an error in between is told to the next one.
  client.on('error', () => {});
  let closed = false;
  client.on('close', () => {
    closed = true;
  });
  let channel: Promise<SFTPWrapper> | null = null;
  const sftp = (): Promise<SFTPWrapper> => {
    if (closed) throw new AppError('HOST_CONNECTION_LOST', { host: name, doing: 'opening a file channel' });
    channel ??= openSftp(client, name);
    return channel;
  };
  return {
    hostKey,
    read: async (path, options) => files.read(await sftp(), path, options?.maxBytes),
    list: async (path) => files.list(await sftp(), path),
    stat: async (path) => files.stat(await sftp(), path),
    readlink: async (path) => files.readlink(await sftp(), path),
    write: async (path, bytes, mode) => files.write(await sftp(), path, bytes, mode),
    chmod: async (path, mode) => files.chmod(await sftp(), path, mode),
    rename: async (from, to) => files.rename(await sftp(), from, to),
    remove: async (path) => files.remove(await sftp(), path),
    mkdir: async (path, mode) => files.mkdir(await sftp(), path, mode),
    exec: async (argv, options) => {
      if (closed) throw new AppError('HOST_CONNECTION_LOST', { host: name, doing: `running \`${argv.join(' ')}\`` });
      return execOver(client, name, argv, options);
    },
    shown: (path) => path,
    close: () =>
      new Promise((resolve) => {
        if (closed) return resolve();
        client.once('close', () => resolve());
        client.end();
        return undefined;
      }),
  };
}

function openSftp(client: Client, host: string): Promise<SFTPWrapper> {
  return new Promise((resolve, reject) => {
    const lost = (cause?: Error): void =>
      reject(new AppError('HOST_CONNECTION_LOST', { host, doing: 'opening a file channel' }, { cause }));
    client.once('close', lost);
    client.sftp((error, sftp) => {
      client.off('close', lost);
      if (error) lost(error);
      else resolve(sftp);
    });
  });
}
