import { AppError } from '../model/errors/index.ts';
import type { ExecOptions, ExecResult, Host } from './host.ts';
import { cut } from './text.ts';

/** Runs a command that has to succeed; its standard output. */
export async function run(host: Host, argv: readonly string[], options: ExecOptions = {}): Promise<string> {
  const result = await host.exec(argv, options);
  if (result.code === 0) return result.stdout;
  throw failed(argv, result);
}

export const failed = (argv: readonly string[], { code, stdout, stderr }: ExecResult): AppError =>
  new AppError('HOST_COMMAND', {
    command: argv.join(' '),
    code,
    why: lastLine(stderr) || lastLine(stdout) || 'it printed nothing',
  });

export function lastLine(text: string): string {
  return cut(text.trim().split('\n').at(-1) ?? '', 300);
}
