import { AppError } from '../../model/errors/index.ts';
import { READ_LIMIT, type Wanted } from '../host.ts';
import { ANSWERS, ENTRIES_LIMIT, opOfRead, type Reader } from './reader-files.ts';
import type { Answer, Ask, Op } from './reader-talk.ts';

/** Of what is read in one go; the rest is asked for as it is needed. */
const GATHER_LIMIT = 24 * 1024 * 1024;
/** Larger contents are told once: nobody asks for them again, and they would be kept until the look ends. */
const KEPT_LIMIT = 16_384;

const OPS = { list: 'l', stat: 's', readlink: 'y' } as const;

const NOTHING = Buffer.alloc(0);

export type Known = Map<string, Answer>;

export async function gather(ask: Ask, wanted: readonly Wanted[]): Promise<Known> {
  const known = new Map() as Known;
  const lines = wanted.map(({ how, paths }) => {
    const [op, limit] = how === 'read' ? [opOfRead(paths), READ_LIMIT] : [OPS[how], ENTRIES_LIMIT];
    return `${op} ${limit} ${paths}`;
  });
  let bytes = 0;
  await ask('g', lines.join('\n'), GATHER_LIMIT, (part, start, end) => {
    // The other side keeps to that as well, if it is what we started.
    bytes += end - start;
    if (bytes > GATHER_LIMIT) throw notOurs('too much');
    const line = part.indexOf(10, start);
    // A letter for what was asked, one for the answer, and a length.
    const head = part.toString('latin1', start, line);
    const [op = '', status = ''] = [head[0], head[2]];
    const from = line + 1 + Number(head.slice(4));
    if (line === -1 || !(from <= end)) throw notOurs('an answer does not say what it is about');
    // Much of it is not there, and nothing is said of that.
    const data = from === end ? NOTHING : part.subarray(from, end);
    // What was too large for us may be fit for who asks for it.
    if (status !== 'L') known.set(`${op} ${part.toString('utf8', line + 1, from)}`, { status, data });
  });
  return known;
}

/** What we started says no such thing; nothing else that it says counts. */
const notOurs = (why: string): AppError => new AppError('HOST_FILE', { doing: 'reading', path: '/proc', why });

/** Without the shell's own signs, quotes, or what ends a question. */
const isPlain = (path: string): boolean => /^[\w/.:@%+=,-]+$/.test(path);

/** Tells what is known, and asks `otherwise` for the rest, of which `missed` hears. */
export function knowing(known: Known, otherwise: Reader, missed: (one: Wanted) => void = () => {}): Reader {
  const toldOf = (op: Op, path: string): Answer | undefined => {
    const key = `${op} ${path}`;
    const answer = known.get(key);
    if (answer !== undefined && answer.data.length > KEPT_LIMIT) known.delete(key);
    return answer;
  };
  const miss = (how: Wanted['how'], path: string): void => {
    if (isPlain(path)) missed({ how, paths: path });
  };
  const small = (op: Op, how: 'list' | 'stat' | 'readlink', path: string): Answer | undefined => {
    const answer = toldOf(op, path);
    if (answer === undefined) miss(how, path);
    return answer;
  };
  // What is known is told without a detour: a look asks a thousand times.
  const now = async <T>(work: () => T): Promise<T> => work();
  return {
    read: (path, options) => {
      const answer = toldOf(opOfRead(path), path);
      if (answer !== undefined) return now(() => ANSWERS.read(answer, path, options?.maxBytes ?? READ_LIMIT));
      return otherwise.read(path, options).then((bytes) => {
        if ((bytes?.length ?? 0) <= KEPT_LIMIT) miss('read', path);
        return bytes;
      });
    },
    list: (path) => {
      const answer = small('l', 'list', path);
      return answer === undefined ? otherwise.list(path) : now(() => ANSWERS.list(answer, path));
    },
    stat: (path) => {
      const answer = small('s', 'stat', path);
      return answer === undefined ? otherwise.stat(path) : now(() => ANSWERS.stat(answer, path));
    },
    readlink: (path) => {
      const answer = small('y', 'readlink', path);
      return answer === undefined ? otherwise.readlink(path) : now(() => ANSWERS.readlink(answer, path));
    },
  };
}
