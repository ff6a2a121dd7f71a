import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir } from './cache.ts';

export interface Supervised {
  pid: number;
  /** what it printed when it was ready */
  firstLine: string;
  /** Switches it off, with everything it started. */
  stop(): Promise<void>;
  ended: Promise<void>;
}

/**
 * Starts one of the estate's own programs and waits for its first line. Its standard input is a pipe from us: when we
 * end, however, it sees the end of it and goes too. It leads its own process group, which is killed when it is gone.
 */
export async function startProcess(options: { name: string; script: string; args: string[] }): Promise<Supervised> {
  const compiled = join(cacheDir(), 'compiled');
  mkdirSync(compiled, { recursive: true, mode: 0o700 });
  const child = spawn(process.execPath, [options.script, ...options.args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: compiled },
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-4000)));
  child.stdin.on('error', () => {});
  const ended = once(child, 'close').then(() => killGroup(child.pid));
  const firstLine = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
    child.on('error', reject);
    child.on('close', (code) => reject(new Error(`Starting ${options.name}: it ended with ${code}. ${stderr.trim()}`)));
  });
  return {
    pid: child.pid!,
    firstLine,
    ended,
    stop: async () => {
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), 6000);
      await ended;
      clearTimeout(timer);
    },
  };
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // nobody is left in it
  }
}
