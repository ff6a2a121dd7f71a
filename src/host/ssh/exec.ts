import type { Client, ClientChannel } from 'ssh2';
import { constants as os } from 'node:os';
import { AppError } from '../../model/errors/index.ts';
import { EXEC_TIMEOUT_MS, OUTPUT_LIMIT, type ExecOptions, type ExecResult } from '../host.ts';
import { Output } from '../output.ts';
import { commandLine } from './quote.ts';

export function execOver(
  client: Client,
  host: string,
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const command = argv.join(' ');
  return new Promise((resolve, reject) => {
    const lost = (): void => reject(new AppError('HOST_CONNECTION_LOST', { host, doing: `running \`${command}\`` }));
    client.once('close', lost);
    const settle = (): void => {
      client.off('close', lost);
    };
    client.exec(commandLine(argv), (error, channel) => {
      if (error) {
        settle();
        reject(new AppError('HOST_CONNECTION_LOST', { host, doing: `running \`${command}\`` }, { cause: error }));
        return;
      }
      collect(channel, command, options).then(resolve, reject).finally(settle);
    });
  });
}

function collect(channel: ClientChannel, command: string, options: ExecOptions): Promise<ExecResult> {
  const stdout = new Output(options.maxOutput ?? OUTPUT_LIMIT);
  const stderr = new Output(options.maxOutput ?? OUTPUT_LIMIT);
  const timeoutMs = options.timeoutMs ?? EXEC_TIMEOUT_MS;
  return new Promise((resolve, reject) => {
    let code: number | null = null;
    const timer = setTimeout(() => {
      channel.signal('TERM');
      channel.close();
      reject(new AppError('HOST_COMMAND_TIMEOUT', { command, seconds: Math.ceil(timeoutMs / 1000) }));
    }, timeoutMs);
    channel.on('data', (chunk: Buffer) => stdout.add(chunk));
    channel.stderr.on('data', (chunk: Buffer) => stderr.add(chunk));
    channel.on('exit', (exit: number | null, signal?: string) => {
      code = exit ?? 128 + (os.signals[`SIG${signal ?? ''}` as NodeJS.Signals] ?? 0);
    });
    channel.on('close', () => {
      clearTimeout(timer);
      if (code === null)
        reject(new AppError('HOST_COMMAND', { command, code: 'no exit status', why: 'the SSH channel was closed' }));
      else resolve({ code, stdout: stdout.text(), stderr: stderr.text() });
    });
    channel.end(options.stdin ?? '');
  });
}
