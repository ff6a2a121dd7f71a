import type { Client, SFTPWrapper } from 'ssh2';
import { AppError } from '../../model/errors/index.ts';
import * as files from './files.ts';
import { Patience } from './patience.ts';
import type { ShellFiles as Files } from './shell-files.ts';

/** null: the server has no SFTP. */
export function openSftp(client: Client, host: string): Promise<SFTPWrapper | null> {
  return new Promise((resolve, reject) => {
    const lost = (): void => reject(new AppError('HOST_CONNECTION_LOST', { host, doing: 'opening a file channel' }));
    client.once('close', lost);
    client.sftp((error, sftp) => {
      client.off('close', lost);
      resolve(error ? null : sftp);
    });
  });
}

/** Files by SFTP, until the server owes an answer for too long: `onEnd` is then told, and the channel closed. */
export function sftpFiles(raw: SFTPWrapper, host: string, onEnd: () => void, patienceMs: number): Files {
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    onEnd();
    raw.end();
  };
  // Whoever still waits was told; the channel may say what it likes when it ends.
  raw.on('error', () => {});
  raw.on('close', end);
  const sftp = impatient(raw, host, new Patience(patienceMs, end), patienceMs);
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

type Answer = (...values: unknown[]) => void;

/** The same requests, each of which ends: with its answer, or when nothing at all came for too long. */
function impatient(sftp: SFTPWrapper, host: string, patience: Patience, patienceMs: number): SFTPWrapper {
  const once = (answer: Answer): Answer => {
    let over = false;
    const finish = (...values: unknown[]): void => {
      if (over) return;
      over = true;
      heard();
      answer(...values);
    };
    const heard = patience.owe(() => finish(new AppError('HOST_NO_ANSWER', { host, seconds: patienceMs / 1000 })));
    return finish;
  };
  return new Proxy(sftp, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...given: unknown[]): unknown => {
        const answer = given.at(-1);
        const words = typeof answer === 'function' ? [...given.slice(0, -1), once(answer as Answer)] : given;
        return Reflect.apply(member as Answer, target, words);
      };
    },
  });
}
