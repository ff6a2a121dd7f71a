import type { Client } from 'ssh2';
import { AppError } from '../../model/errors/index.ts';
import { EXEC_TIMEOUT_MS, OUTPUT_LIMIT, type ExecOptions, type ExecResult } from '../host.ts';
import { Output } from '../output.ts';
import { openCommand, type Become, type Running } from './become.ts';

/** Runs `argv` on the other side, as root where `become` says how, with the words of `before` in front. */
export async function execOver(
  client: Client,
  host: string,
  argv: readonly string[],
  options: ExecOptions & { become: Become | null; before?: readonly string[] },
): Promise<ExecResult> {
  const command = argv.join(' ');
  const running = await openCommand(client, host, [...(options.before ?? []), ...argv], options.become);
  const { promise, reject } = Promise.withResolvers<never>();
  const lost = (): void => reject(new AppError('HOST_CONNECTION_LOST', { host, doing: `running \`${command}\`` }));
  client.once('close', lost);
  try {
    return await Promise.race([collect(running, command, options), promise]);
  } finally {
    client.off('close', lost);
  }
}

function collect({ channel, ended }: Running, command: string, options: ExecOptions): Promise<ExecResult> {
  const stdout = new Output(options.maxOutput ?? OUTPUT_LIMIT);
  const stderr = new Output(options.maxOutput ?? OUTPUT_LIMIT);
  const timeoutMs = options.timeoutMs ?? EXEC_TIMEOUT_MS;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      channel.signal('TERM');
      channel.close();
      reject(new AppError('HOST_COMMAND_TIMEOUT', { command, seconds: Math.ceil(timeoutMs / 1000) }));
    }, timeoutMs);
    channel.on('data', (chunk: Buffer) => stdout.add(chunk)).resume();
    channel.stderr.on('data', (chunk: Buffer) => stderr.add(chunk)).resume();
    void ended.then((code) => {
      clearTimeout(timer);
      if (code === null)
        reject(new AppError('HOST_COMMAND', { command, code: 'no exit status', why: 'the SSH channel was closed' }));
      else resolve({ code, stdout: stdout.text(), stderr: stderr.text() });
    });
    channel.end(options.stdin ?? '');
  });
}
