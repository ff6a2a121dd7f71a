import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../..');
export const BINARY = join(ROOT, 'bin/lastember.mjs');

export interface Ran {
  code: number | null;
  out: string;
  err: string;
}
export interface How {
  env?: Record<string, string>;
  /** another Node than this one */
  node?: string;
}

/** Nothing of the caller's own Lastember, and a home of its own. */
function environment(callers: NodeJS.ProcessEnv, home: string, more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(callers).filter(
    ([name]) => !/^(LASTEMBER_|PG|DATABASE_URL$|XDG_|NO_COLOR$|FORCE_COLOR$|NODE_)/.test(name),
  );
  return { ...Object.fromEntries(kept), HOME: home, ...more };
}

/** Runs the real command line, as a person's shell does, in a home directory of its own. */
export function commandLine(callers: NodeJS.ProcessEnv): {
  home: string;
  run(args: string[], how?: How): Promise<Ran>;
  start(args: string[], how?: How): ChildProcess;
  remove(): void;
} {
  const home = mkdtempSync(join(tmpdir(), 'lastember-cli-'));
  // Root's embedded PostgreSQL runs as another user, who must be able to pass; else its state is kept outside of here.
  chmodSync(home, 0o711);
  const start = (args: string[], how: How = {}): ChildProcess =>
    spawn(how.node ?? process.execPath, [BINARY, ...args], {
      cwd: home,
      env: environment(callers, home, how.env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  return {
    home,
    start,
    run: async (args, how) => {
      const child = start(args, how);
      const said = collect(child);
      const [code] = (await once(child, 'close')) as [number | null];
      return { code, ...said };
    },
    remove: () => rmSync(home, { recursive: true, force: true }),
  };
}

export function collect(child: ChildProcess): { out: string; err: string } {
  const said = { out: '', err: '' };
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (said.out += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (said.err += text));
  return said;
}

/** Waits for something that a running command says. */
export async function says(
  child: ChildProcess,
  said: { out: string; err: string },
  what: RegExp,
): Promise<RegExpExecArray> {
  for (;;) {
    const found = what.exec(said.out);
    if (found) return found;
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`it ended instead of saying ${what}: ${said.out}${said.err}`);
    await Promise.race([once(child.stdout!, 'data'), once(child, 'close')]);
  }
}
