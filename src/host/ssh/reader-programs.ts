import { PERL } from './reader-perl.ts';
import { PYTHON } from './reader-python.ts';

/**
 * The other end of `reader.ts`: reads requests and answers each in order. One process for a whole look, started from its own
 * text, so that nothing is written to the host. It changes nothing by itself, and opens only what ends: a pipe, a device or
 * a terminal is not read.
 *
 * Request: `OP LIMIT LENGTH\n` and LENGTH bytes, for most a path. OP: `r` reads a regular file, `k` one of the kernel's, `l`
 * lists, `s` is stat, `y` reads a link. Answer: `STATUS LENGTH\n` and LENGTH bytes. STATUS: `D` here it is, `N` it is not there,
 * `L` it is larger than LIMIT, `E` why not. What is known is sent before it waits for more. The word behind the text is what is
 * put before every path.
 *
 * `w`: what it says then and there, as it is, so that nobody else's words before it are taken for its own. It comes this way so
 * that its command line is the same each time.
 *
 * `g`: lines of `OP LIMIT PATTERN`, whose `*` and `[0-9]` are the shell's. For each path there is an answer `A`, with
 * `OP STATUS LENGTH\n`, the path in LENGTH bytes and the data; `D` ends them, `L` when they are more than the request's limit.
 *
 * `x`: seconds and words, NUL between them. Runs them without a shell and without input; `D` with `CODE LENGTH\n`, LENGTH bytes of
 * what it said and the rest what it complained of, each up to LIMIT; `L` when it took longer and was killed. `W` in between
 * says that it is still at work.
 */
export interface ReaderProgram {
  argv: readonly string[];
  text: string;
}

/** In this order: perl is part of every Debian and its relatives, Python of most others. */
export const READER_PROGRAMS: readonly ReaderProgram[] = [
  { argv: ['perl', '-e'], text: PERL },
  { argv: ['python3', '-c'], text: PYTHON },
  { argv: ['/usr/libexec/platform-python', '-c'], text: PYTHON },
];
