import { AppError } from '../../model/errors/index.ts';
import { READ_LIMIT, type Wanted } from '../host.ts';
import { ENTRIES_LIMIT, opOfRead, readerOf, type Reader } from './reader-files.ts';
import type { Answer, Ask, Op } from './reader-talk.ts';

/** Of what is read in one go; the rest is asked for as it is needed. */
const GATHER_LIMIT = 24 * 1024 * 1024;
/** Larger contents are told once: nobody asks for them again, and they would be kept until the look ends. */
const KEPT_LIMIT = 16_384;

const OPS = { list: 'l', stat: 's', readlink: 'y' } as const;

export type Known = Map<string, Answer>;

export async function gather(ask: Ask, wanted: readonly Wanted[]): Promise<Known> {
  const known = new Map() as Known;
  const lines = wanted.map(({ how, paths }) => {
    const [op, limit] = how === 'read' ? [opOfRead(paths), READ_LIMIT] : [OPS[how], ENTRIES_LIMIT];
    return `${op} ${limit} ${paths}`;
  });
  let bytes = 0;
  await ask('g', lines.join('\n'), GATHER_LIMIT, (part) => {
    // The other side keeps to that as well, if it is what we started.
    bytes += part.length;
    if (bytes > GATHER_LIMIT) throw new AppError('HOST_FILE', { doing: 'reading', path: '/proc', why: 'too much' });
    const end = part.indexOf(10);
    const [op = '', status = '', length = ''] = part.toString('latin1', 0, end).split(' ');
    const data = end + 1 + Number(length);
    // What was too large for us may be fit for who asks for it.
    if (status !== 'L')
      known.set(`${op} ${part.toString('utf8', end + 1, data)}`, { status, data: part.subarray(data) });
  });
  return known;
}

/** Tells what is known, and asks `otherwise` for the rest. */
export function knowing(known: Known, otherwise: Reader): Reader {
  const told = readerOf(async (op, path, limit = 0) => {
    const answer = known.get(`${op} ${path}`)!;
    if (answer.data.length > KEPT_LIMIT) known.delete(`${op} ${path}`);
    return (op === 'r' || op === 'k') && answer.data.length > limit ? { ...answer, status: 'L' } : answer;
  });
  const who = (op: Op, path: string): Reader => (known.has(`${op} ${path}`) ? told : otherwise);
  return {
    read: (path, options) => who(opOfRead(path), path).read(path, options),
    list: (path) => who('l', path).list(path),
    stat: (path) => who('s', path).stat(path),
    readlink: (path) => who('y', path).readlink(path),
  };
}
