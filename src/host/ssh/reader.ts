import type { ExecOptions, ExecResult, Wanted } from '../host.ts';
import { execIn } from './reader-exec.ts';
import { readerOf, type Reader } from './reader-files.ts';
import { gather, knowing } from './reader-gather.ts';
import { READER_PROGRAMS } from './reader-programs.ts';
import { startTalk, type Ask, type Way } from './reader-talk.ts';

export type { Reader } from './reader-files.ts';

/** A reader that has a process on the other side. */
export interface FarReader extends Reader {
  /** Reads all of it in one go. What comes back knows it, and asks `otherwise` for the rest. */
  gather(wanted: readonly Wanted[], otherwise: Reader, missed?: (one: Wanted) => void): Promise<Reader>;
  /** Runs a command there, with nothing as its input. */
  exec(argv: readonly string[], options?: Omit<ExecOptions, 'stdin'>): Promise<ExecResult>;
}

/**
 * A process on the other side that reads files for us: a question is one line there and one answer back, and a thousand of
 * them need not wait for each other. null where the host has nothing that such a process could be written in.
 */
export async function openReader(way: Way, programs = READER_PROGRAMS): Promise<FarReader | null> {
  for (const program of programs) {
    const asking = await startTalk(way, program);
    // Whoever says nothing, or something else, is not asked again in another language.
    if (asking !== 'none') return asking && farReaderOf(asking, way);
  }
  return null;
}

function farReaderOf(ask: Ask, { host }: Way): FarReader {
  return {
    ...readerOf(ask),
    exec: (argv, options) => execIn(ask, host, argv, options),
    gather: async (wanted, otherwise, missed) => knowing(await gather(ask, wanted), otherwise, missed),
  };
}
