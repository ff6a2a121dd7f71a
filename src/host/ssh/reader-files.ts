import { AppError } from '../../model/errors/index.ts';
import { READ_LIMIT, type Host, type Stat } from '../host.ts';
import { cut } from '../text.ts';
import type { Answer, Ask, Op } from './reader-talk.ts';
import { isKernels } from './regular.ts';
import { statOf } from './stat-fields.ts';

/** Looking at files, without changing any. */
export type Reader = Pick<Host, 'read' | 'list' | 'stat' | 'readlink'>;

export const ENTRIES_LIMIT = 1_000_000;

export const opOfRead = (path: string): Op => (isKernels(path) ? 'k' : 'r');

export function readerOf(ask: Ask): Reader {
  /** null: it is not there */
  const told = async (
    doing: string,
    path: string,
    answer: Promise<Answer>,
    tooLarge: () => AppError,
  ): Promise<Buffer | null> => {
    const { status, data } = await answer;
    if (status === 'N') return null;
    if (status === 'L') throw tooLarge();
    if (status === 'E') throw new AppError('HOST_FILE', { doing, path, why: cut(data.toString('utf8'), 500) });
    return data;
  };
  const never = (path: string) => (): AppError =>
    new AppError('HOST_FILE', { doing: 'looking at', path, why: 'too much' });
  return {
    read: (path, options) => {
      const limit = options?.maxBytes ?? READ_LIMIT;
      const tooLarge = (): AppError => new AppError('HOST_FILE_TOO_LARGE', { path, limit });
      return told('reading', path, ask(opOfRead(path), path, limit), tooLarge);
    },
    list: async (path) => {
      const tooMany = (): AppError =>
        new AppError('HOST_FILE', { doing: 'listing', path, why: `more than ${ENTRIES_LIMIT} names` });
      const names = await told('listing', path, ask('l', path, ENTRIES_LIMIT), tooMany);
      return names === null ? null : names.toString('utf8').split('\0').filter(Boolean).sort();
    },
    stat: async (path) => {
      const values = await told('looking at', path, ask('s', path), never(path));
      return values === null ? null : parseStat(values.toString('latin1'), path);
    },
    readlink: async (path) => (await told('looking at', path, ask('y', path), never(path)))?.toString('utf8') ?? null,
  };
}

function parseStat(text: string, path: string): Stat {
  const [bits, uid, gid, size, mtime, device = '', inode] = text.split(' ');
  if (inode === undefined || !/^\d+$/.test(device))
    throw new AppError('HOST_FILE', { doing: 'looking at', path, why: `stat said: ${cut(text, 100)}` });
  return statOf({ mode: Number(bits), uid, gid, size, mtime, device: BigInt(device), inode });
}
