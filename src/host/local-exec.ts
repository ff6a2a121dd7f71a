import { spawn } from 'node:child_process';
import { constants as os } from 'node:os';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../model/errors/index.ts';
import { EXEC_TIMEOUT_MS, OUTPUT_LIMIT, PATH_DIRS, type ExecOptions, type ExecResult } from './host.ts';
import { Output } from './output.ts';

/** After SIGTERM a command has this long to tidy up. */
const GRACE_MS = 3000;

/** Runs `argv` in its own process group, found below `root`, with nothing of our own environment. */
export async function runLocal(root: string, argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  const [name = '', ...args] = argv;
  const program = await lookUp(root, name);
  if (program === null) return { code: 127, stdout: '', stderr: `${name}: no such command` };
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      argv0: name,
      cwd: root,
      env: environment(root),
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const stdout = new Output(options.maxOutput ?? OUTPUT_LIMIT);
    const stderr = new Output(options.maxOutput ?? OUTPUT_LIMIT);
    child.stdout.on('data', (chunk: Buffer) => stdout.add(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.add(chunk));
    child.stdin.on('error', () => {});
    child.stdin.end(options.stdin ?? '');
    const timeoutMs = options.timeoutMs ?? EXEC_TIMEOUT_MS;
    const stop = stopAfter(timeoutMs, () => child.pid);
    child.on('error', (cause) => {
      stop.cancel();
      reject(
        new AppError('HOST_COMMAND', { command: argv.join(' '), code: 'an error', why: cause.message }, { cause }),
      );
    });
    // `exit`, not `close`: a service started by the command may inherit its pipes and keep them open for ever.
    child.on('exit', (code, signal) => {
      stop.cancel();
      const finish = (): void => {
        child.stdout.destroy();
        child.stderr.destroy();
        if (stop.fired())
          return reject(
            new AppError('HOST_COMMAND_TIMEOUT', { command: argv.join(' '), seconds: Math.ceil(timeoutMs / 1000) }),
          );
        return resolve({
          code: code ?? 128 + (signal ? os.signals[signal] : 0),
          stdout: stdout.text(),
          stderr: stderr.text(),
        });
      };
      drained(child.stdout, child.stderr, finish);
    });
  });
}

/** What the command wrote before it ended is still in the pipes: wait for their end, but not for inheritors. */
function drained(out: NodeJS.ReadableStream, err: NodeJS.ReadableStream, done: () => void): void {
  let open = 2;
  const timer = setTimeout(done, 250);
  const one = (): void => {
    open -= 1;
    if (open > 0) return;
    clearTimeout(timer);
    done();
  };
  for (const stream of [out, err]) {
    if ((stream as { readableEnded?: boolean }).readableEnded) one();
    else stream.once('end', one);
  }
}

function stopAfter(timeoutMs: number, pid: () => number | undefined): { cancel(): void; fired(): boolean } {
  let fired = false;
  const signal = (name: NodeJS.Signals): void => {
    const id = pid();
    if (id === undefined) return;
    try {
      process.kill(-id, name);
    } catch {
      // already gone
    }
  };
  let hard: NodeJS.Timeout | undefined;
  const soft = setTimeout(() => {
    fired = true;
    signal('SIGTERM');
    hard = setTimeout(() => signal('SIGKILL'), GRACE_MS);
  }, timeoutMs);
  return {
    cancel: () => {
      clearTimeout(soft);
      clearTimeout(hard);
    },
    fired: () => fired,
  };
}

async function lookUp(root: string, name: string): Promise<string | null> {
  const candidates = name.includes('/') ? [name] : PATH_DIRS.map((dir) => join(dir, name));
  for (const candidate of candidates) {
    const path = root === '/' ? candidate : join(root, candidate);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return null;
}

/** Nothing of our own; apt and dpkg must not ask, keep changed settings files, and speak the language that we parse. */
function environment(root: string): Record<string, string> {
  const path = PATH_DIRS.map((dir) => (root === '/' ? dir : join(root, dir))).join(':');
  return {
    PATH: path,
    HOME: '/root',
    LANG: 'C',
    LC_ALL: 'C',
    DEBIAN_FRONTEND: 'noninteractive',
    DPKG_FORCE: 'confdef,confold',
    ...(root === '/' ? {} : { LASTEMBER_HOST_ROOT: root }),
  };
}
