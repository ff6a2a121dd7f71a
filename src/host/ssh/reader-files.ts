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

/** How an answer is to be understood; null: it is not there. */
export const ANSWERS = {
  read: ({ status, data }: Answer, path: string, limit: number): Buffer | null =>
    told(
      'reading',
      path,
      status === 'D' && data.length > limit ? 'L' : status,
      data,
      () => new AppError('HOST_FILE_TOO_LARGE', { path, limit }),
    ),
  list: ({ status, data }: Answer, path: string): string[] | null =>
    told('listing', path, status, data, () => refused('listing', path, `more than ${ENTRIES_LIMIT} names`))
      ?.toString('utf8')
      .split('\0')
      .filter(Boolean)
      .sort() ?? null,
  stat: ({ status, data }: Answer, path: string): Stat | null => {
    const values = told('looking at', path, status, data, () => refused('looking at', path, 'too much'));
    return values === null ? null : parseStat(values.toString('latin1'), path);
  },
  readlink: ({ status, data }: Answer, path: string): string | null =>
    told('looking at', path, status, data, () => refused('looking at', path, 'too much'))?.toString('utf8') ?? null,
};

const refused = (doing: string, path: string, why: string): AppError => new AppError('HOST_FILE', { doing, path, why });

function told(doing: string, path: string, status: string, data: Buffer, tooLarge: () => AppError): Buffer | null {
  if (status === 'N') return null;
  if (status === 'L') throw tooLarge();
  if (status === 'E') throw refused(doing, path, cut(data.toString('utf8'), 500));
  return data;
}

export function readerOf(ask: Ask): Reader {
  return {
    read: async (path, { maxBytes: limit = READ_LIMIT } = {}) =>
      ANSWERS.read(await ask(opOfRead(path), path, limit), path, limit),
    list: async (path) => ANSWERS.list(await ask('l', path, ENTRIES_LIMIT), path),
    stat: async (path) => ANSWERS.stat(await ask('s', path), path),
    readlink: async (path) => ANSWERS.readlink(await ask('y', path), path),
  };
}

function parseStat(text: string, path: string): Stat {
  const [bits, uid, gid, size, mtime, ctime, device = '', inode] = text.split(' ');
  if (inode === undefined || !/^\d+$/.test(device))
    throw new AppError('HOST_FILE', { doing: 'looking at', path, why: `stat said: ${cut(text, 100)}` });
  return statOf({ mode: Number(bits), uid, gid, size, mtime, ctime, device: BigInt(device), inode });
}
