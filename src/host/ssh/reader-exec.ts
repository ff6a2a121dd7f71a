import { AppError } from '../../model/errors/index.ts';
import { EXEC_TIMEOUT_MS, OUTPUT_LIMIT, type ExecOptions, type ExecResult } from '../host.ts';
import { cut } from '../text.ts';
import type { Ask } from './reader-talk.ts';

/** Runs a command in the process that reads, with nothing as its input. */
export async function execIn(
  ask: Ask,
  host: string,
  argv: readonly string[],
  options: Omit<ExecOptions, 'stdin'> = {},
): Promise<ExecResult> {
  const seconds = Math.ceil((options.timeoutMs ?? EXEC_TIMEOUT_MS) / 1000);
  const { status, data } = await ask('x', [seconds, ...argv].join('\0'), options.maxOutput ?? OUTPUT_LIMIT);
  const command = argv.join(' ');
  if (status === 'L') throw new AppError('HOST_COMMAND_TIMEOUT', { command, seconds });
  const end = data.indexOf(10);
  const [, code, length] = /^(\d{1,3}) (\d+)$/.exec(data.toString('latin1', 0, Math.max(end, 0))) ?? [];
  if (status !== 'D' || code === undefined) {
    const why = cut(data.toString('utf8'), 500);
    throw new AppError('HOST_COMMAND', { command, code: 'no exit status', why: `${host} said: ${why}` });
  }
  const split = end + 1 + Number(length);
  return {
    code: Number(code),
    stdout: data.toString('utf8', end + 1, split),
    stderr: data.toString('utf8', split),
  };
}
