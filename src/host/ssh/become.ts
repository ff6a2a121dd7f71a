import { randomBytes } from 'node:crypto';
import { constants as os } from 'node:os';
import type { Client, ClientChannel } from 'ssh2';
import { AppError } from '../../model/errors/index.ts';
import { PATH_DIRS } from '../host.ts';
import { commandLine } from './quote.ts';

/** How a login becomes root. `doas` asks on a terminal only, so there it has to be allowed without a password. */
export type Become = { method: 'sudo'; password?: string } | { method: 'doas' };

const PATIENCE_MS = 20_000;
const KEEP = 2000;
/**
 * What commands print is parsed: in one language, whatever the login's; and logins often do not look into sbin. Put before
 * a command, where there is a shell.
 */
export const IN_OUR_LANGUAGE: readonly string[] = [
  '/bin/sh',
  '-c',
  `PATH="$PATH:${PATH_DIRS.join(':')}" LC_ALL=C LANG=C DEBIAN_FRONTEND=noninteractive DPKG_FORCE=confdef,confold; export PATH LC_ALL LANG DEBIAN_FRONTEND DPKG_FORCE; exec "$@"`,
  'sh',
];
const MOST_BEFORE = 65_536;

export interface Running {
  /** paused: what it says is kept until somebody listens and resumes it */
  channel: ClientChannel;
  /** exit code, or null when there was none, once the channel is closed */
  ended: Promise<number | null>;
}

/** A channel on which `argv` runs, as root where that was asked for. Nothing was sent to its input yet. */
export async function openCommand(
  client: Client,
  host: string,
  argv: readonly string[],
  become: Become | null,
): Promise<Running> {
  if (become === null) return open(client, host, commandLine(argv), argv);
  const mark = randomBytes(12).toString('hex');
  const prompt = `lastember-${mark}:`;
  // Once the mark is printed, root is what we are: only then may anything but a password go to the input.
  const inner = ['/bin/sh', '-c', 'printf "%s\\n" "$0"; exec "$@"', mark, ...argv];
  const asRoot = become.method === 'sudo' ? ['sudo', '-S', '-p', prompt, '--', ...inner] : ['doas', '-n', ...inner];
  const running = await open(client, host, commandLine(asRoot), argv);
  await untilRoot(running.channel, { host, become, mark, prompt });
  return running;
}

function open(client: Client, host: string, line: string, argv: readonly string[]): Promise<Running> {
  const lost = (cause?: Error): AppError =>
    new AppError('HOST_CONNECTION_LOST', { host, doing: `running \`${argv.join(' ')}\`` }, { cause });
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(lost());
    client.once('close', gone);
    client.exec(line, (error, channel) => {
      client.off('close', gone);
      if (error) reject(lost(error));
      else resolve({ channel: paused(channel), ended: endOf(channel) });
    });
  });
}

function paused(channel: ClientChannel): ClientChannel {
  channel.pause();
  channel.stderr.pause();
  return channel;
}

function endOf(channel: ClientChannel): Promise<number | null> {
  return new Promise((resolve) => {
    let code: number | null = null;
    channel.on('exit', (exit: number | null, signal?: string) => {
      code = exit ?? 128 + (os.signals[`SIG${signal ?? ''}` as NodeJS.Signals] ?? 0);
    });
    channel.on('close', () => resolve(code));
  });
}

interface Asking {
  host: string;
  become: Become;
  mark: string;
  prompt: string;
}

/** Answers the one prompt there may be. A second one means that the password was wrong; whatever else is said is why. */
function untilRoot(channel: ClientChannel, { host, become, mark, prompt }: Asking): Promise<void> {
  const password = become.method === 'sudo' ? become.password : undefined;
  return new Promise((resolve, reject) => {
    let said = '';
    let seen = Buffer.alloc(0);
    let asked = 0;
    const stop = (): void => {
      clearTimeout(timer);
      channel.off('data', onData);
      channel.stderr.off('data', onSaid);
      channel.off('close', onClose);
    };
    const refuse = (why: string): void => {
      stop();
      channel.close();
      reject(new AppError('HOST_BECOME_REFUSED', { host, method: become.method, why }));
    };
    const onSaid = (chunk: Buffer): void => {
      said = (said + chunk.toString('utf8')).slice(-KEEP);
      if (!said.includes(prompt)) return;
      said = said.replace(prompt, '');
      asked += 1;
      if (password === undefined) refuse('it asks for a password, and none is known');
      else if (asked > 1) refuse('the password is wrong');
      else channel.write(`${password}\n`);
    };
    const onData = (chunk: Buffer): void => {
      seen = Buffer.concat([seen, chunk]);
      const end = seen.indexOf(`${mark}\n`);
      if (end === -1) {
        if (seen.length > MOST_BEFORE) refuse('it says too much before the command begins');
        return;
      }
      stop();
      paused(channel);
      const rest = seen.subarray(end + mark.length + 1);
      if (rest.length > 0) channel.unshift(rest);
      resolve();
    };
    const onClose = (): void => refuse(lastLine(said) || lastLine(seen.toString('utf8')) || 'it ended without a word');
    const timer = setTimeout(() => refuse('it did not answer'), PATIENCE_MS);
    channel.on('data', onData).resume();
    channel.stderr.on('data', onSaid).resume();
    channel.on('close', onClose);
  });
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';
