import { createHash, randomBytes } from 'node:crypto';
import { AppError, isAppError } from '../../../model/errors/index.ts';
import { EXEC_TIMEOUT_MS, OUTPUT_LIMIT, type ExecOptions, type ExecResult, type Host } from '../../host.ts';
import type { SshHost } from '../index.ts';
import { CLEAN, COLLECT, LEFT, NO_RESULT, NO_ROOM, NOT_MINE, START } from './scripts.ts';

const script = (text: string, ...words: string[]): string[] => ['/bin/sh', '-c', text, 'sh', ...words];
/** Our own part of a command: starting it, and telling its end. */
const MARGIN_MS = 30_000;
/** An install may have half an hour. */
const MOST_WAIT_MS = 40 * 60_000;

/**
 * Commands on a host that do not end with the connection: dpkg must not be cut in two. One that was cut off from us is
 * waited for at the next connection, before anything else happens there.
 */
export class Detached {
  readonly #remote: SshHost;
  readonly #token: string;
  /** directories of commands whose result we have */
  #told: string[] = [];
  /** key → directory, of commands that an earlier connection left behind */
  readonly #left = new Map<string, string>();

  constructor(remote: SshHost, token: string) {
    this.#remote = remote;
    this.#token = token;
  }

  /** Waits until nothing is running there any more that an earlier connection began. */
  async settle(signal: AbortSignal): Promise<void> {
    const until = Date.now() + MOST_WAIT_MS;
    for (;;) {
      const { stdout } = await this.#remote.exec(script(LEFT), { timeoutMs: MARGIN_MS * 2 });
      const lines = stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split(' ')]));
      if (!lines.some(([, , state]) => state === 'running')) return this.#takeLeft(lines);
      if (Date.now() > until || signal.aborted)
        throw new AppError('HOST_LOCKED', {
          host: this.#remote.name,
          by: 'a command that an earlier connection began',
        });
    }
  }

  #takeLeft(lines: readonly string[][]): void {
    for (const [id = '', key = '', state] of lines) {
      if (state === 'done' && key !== '-') this.#left.set(key, id);
      else this.#told.push(id);
    }
  }

  /**
   * `scope`: of what the command is a part. The very command of that scope that was cut off is not run again: what came of
   * it is told. Without a scope it only looks, and looks anew.
   */
  async exec(argv: readonly string[], options: ExecOptions = {}, scope: string | null = null): Promise<ExecResult> {
    const stdin = Buffer.from(options.stdin ?? '');
    const most = options.maxOutput ?? OUTPUT_LIMIT;
    const timeoutMs = options.timeoutMs ?? EXEC_TIMEOUT_MS;
    const key = scope === null ? '-' : hash([scope, stdin.toString('base64'), ...argv]);
    const earlier = this.#left.get(key);
    if (earlier !== undefined) {
      this.#left.delete(key);
      this.#told.push(earlier);
      const found = await this.#remote.exec(script(COLLECT, earlier, String(most)), { maxOutput: most + 100 });
      return this.#result(found, argv, timeoutMs);
    }
    const id = randomBytes(8).toString('hex');
    const gone = this.#told.splice(0).join(' ');
    const numbers = [stdin.length, Math.ceil(timeoutMs / 1000), most].map(String);
    const started = script(START, gone, id, key, this.#token, ...numbers, ...argv);
    const answer = await this.#remote.exec(started, { stdin, timeoutMs: timeoutMs + MARGIN_MS, maxOutput: most + 100 });
    this.#told.push(id);
    return this.#result(answer, argv, timeoutMs);
  }

  #result(answer: ExecResult, argv: readonly string[], timeoutMs: number): ExecResult {
    const command = argv.join(' ');
    if (answer.code === NOT_MINE) throw new AppError('HOST_LOCKED', { host: this.#remote.name, by: 'another worker' });
    if (answer.code !== 0) throw new AppError('HOST_COMMAND', { command, code: answer.code, why: whyNot(answer) });
    const end = answer.stdout.indexOf('\n');
    const [code, late] = answer.stdout.slice(0, end).split(' ');
    if (late === 'late') throw new AppError('HOST_COMMAND_TIMEOUT', { command, seconds: Math.ceil(timeoutMs / 1000) });
    return { code: Number(code), stdout: answer.stdout.slice(end + 1), stderr: answer.stderr };
  }

  /** Nothing of ours stays behind but what still runs. */
  async clean(): Promise<void> {
    const ids = [...this.#told.splice(0), ...this.#left.values()];
    this.#left.clear();
    if (ids.length > 0) await this.#remote.exec(script(CLEAN, ...ids));
  }
}

function whyNot({ code, stderr }: ExecResult): string {
  if (code === NO_ROOM) return `there is no room for its output, or no right to write it: ${stderr.trim()}`;
  if (code === NO_RESULT) return 'it was killed, and what watched it as well';
  return stderr.trim() || 'it could not be begun';
}

const hash = (words: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(words)).digest('hex').slice(0, 32);

/** The channel went without a word: with its connection, if not before it. */
export const isLoss = (error: unknown): boolean =>
  isAppError(error, 'HOST_CONNECTION_LOST') ||
  isAppError(error, 'HOST_LOCKED') ||
  (isAppError(error, 'HOST_COMMAND') && error.params['code'] === 'no exit status');

/** The same machine, whose commands outlive the connection. */
export function withDetached(remote: Host, detached: Detached, scope: string | null = null): Host {
  return { ...remote, exec: (argv, options) => detached.exec(argv, options, scope) };
}
