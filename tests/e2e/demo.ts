import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');

export interface WaitingDemo {
  url: string;
  changeUrl: string;
  name: string;
  password: string;
  keyFile: string;
  /** everything it has said so far */
  said(): string;
  running(): boolean;
  stop(): Promise<void>;
}

/** The demo as a person runs it, up to the point where it asks for approval. */
export async function demoWaitingForApproval(): Promise<WaitingDemo> {
  const args = ['--json', '--port', '7434', '--agent-port', '7435', '--net', '94'];
  const child = spawn(process.execPath, [join(ROOT, 'scripts/demo.ts'), ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const stop = () => end(child);
  try {
    const found = await until(child, () => said, {
      url: /console: (http:\S+)/,
      changeUrl: /In the console: (http:\S+)/,
      name: /sign in as (\S+) with password/,
      password: /with password (\S+?);/,
      keyFile: /key file (\S+)/,
    });
    return { ...found, said: () => said, running: () => child.exitCode === null, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function until<K extends string>(
  child: ChildProcess,
  said: () => string,
  wanted: Record<K, RegExp>,
): Promise<Record<K, string>> {
  for (let tries = 0; tries < 1200; tries += 1) {
    const plain = stripVTControlCharacters(said());
    const found = Object.entries<RegExp>(wanted).map(([name, pattern]) => [name, pattern.exec(plain)?.[1]]);
    if (found.every(([, value]) => value !== undefined)) return Object.fromEntries(found) as Record<K, string>;
    if (child.exitCode !== null) break;
    await sleep(100);
  }
  throw new Error(`The demo did not come to ask for approval:\n${said()}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill('SIGINT');
  await once(child, 'close');
}
