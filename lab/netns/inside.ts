/** Runs commands inside a host, as its root. */
import { spawn } from 'node:child_process';
import type { StdioOptions } from 'node:child_process';
import { run, type Ran } from './command.ts';
import { CAPABILITIES, findInit } from './start.ts';
import type { Place } from './place.ts';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function command(place: Place, host: string, argv: readonly string[]): string[] {
  const pid = findInit(place, host);
  if (pid === null) throw new Error(`${host} is not up. npm run lab -- up --only ${host}`);
  const enter = `nsenter --target ${pid} --mount --uts --ipc --net --pid --root`.split(' ');
  const limit = `/usr/bin/setpriv --bounding-set ${CAPABILITIES} --inh-caps -all`.split(' ');
  const clean = `/usr/bin/env -i --chdir=/root PATH=${PATH} HOME=/root LANG=C.UTF-8`.split(' ');
  return [...enter, ...limit, ...clean, `TERM=${process.env['TERM'] ?? 'dumb'}`, ...argv];
}

/** For programs: what it wrote, and how it ended. */
export const execIn = (place: Place, host: string, argv: readonly string[], input = ''): Promise<Ran> =>
  run(command(place, host, argv), { input });

/** For people: our terminal is its terminal. Returns its exit code. */
export function execHere(place: Place, host: string, argv: readonly string[]): Promise<number> {
  const [program, ...args] = command(place, host, argv);
  const stdio: StdioOptions = 'inherit';
  return new Promise((resolve, reject) => {
    const child = spawn(program!, args, { stdio });
    child.on('error', reject);
    // Ctrl-C is meant for what runs inside; we end when it does.
    for (const signal of ['SIGINT', 'SIGQUIT'] as const) process.on(signal, () => {});
    child.on('close', (code) => resolve(code ?? 1));
  });
}
