/** Runs commands inside a host, as its root. */
import { spawn } from 'node:child_process';
import type { StdioOptions } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, run, type Ran } from './command.ts';
import { ALL_HOSTS } from './hosts.ts';
import { netnsPath, type Place } from './place.ts';
import { addressOf, type HostSpec } from './spec.ts';
import { CAPABILITIES, findInit } from './start.ts';
import type { LoggedIn, Login } from './testing/login.ts';
import { keyPath } from './up.ts';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const LOGIN = join(import.meta.dirname, 'testing/login.ts');

function command(place: Place, host: string, argv: readonly string[]): string[] {
  const enter = `nsenter --target ${pidOf(place, host)} --mount --uts --ipc --net --pid --root`.split(' ');
  const limit = `/usr/bin/setpriv --bounding-set ${CAPABILITIES} --inh-caps -all`.split(' ');
  const clean = `/usr/bin/env -i --chdir=/root PATH=${PATH} HOME=/root LANG=C.UTF-8`.split(' ');
  return [...enter, ...limit, ...clean, `TERM=${process.env['TERM'] ?? 'dumb'}`, ...argv];
}

function pidOf(place: Place, host: string): number {
  const pid = findInit(place, host);
  if (pid === null) throw new Error(`${host} is not up. npm run lab -- up --only ${host}`);
  return pid;
}

/** Nobody enters the namespaces of another kernel: there, SSH is the way in for us, too. */
const machineNamed = (host: string): HostSpec | undefined =>
  ALL_HOSTS.find((spec) => spec.name === host && spec.machine);

/** For programs: what it wrote, and how it ended. */
export const execIn = (place: Place, host: string, argv: readonly string[], input = ''): Promise<Ran> => {
  const machine = machineNamed(host);
  return machine ? execOver(place, machine, argv, input) : run(command(place, host, argv), { input });
};

async function execOver(place: Place, spec: HostSpec, argv: readonly string[], input: string): Promise<Ran> {
  pidOf(place, spec.name);
  const login: Login = {
    host: addressOf(spec),
    username: 'root',
    privateKey: readFileSync(keyPath(place), 'utf8'),
    command: `PATH=${PATH} ${argv.map(quoted).join(' ')}`,
    input,
  };
  const net = `--net=${netnsPath(place.name)}`;
  const said = await must(['nsenter', net, process.execPath, LOGIN, JSON.stringify(login)]);
  const { error, ...ran } = JSON.parse(said) as LoggedIn;
  if (error !== undefined) throw new Error(`${spec.name} does not let us in: ${error}`);
  return ran;
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** For people: our terminal is its terminal. Returns its exit code. */
export function execHere(place: Place, host: string, argv: readonly string[]): Promise<number> {
  const machine = machineNamed(host);
  const [program, ...args] = machine ? ssh(place, machine, argv) : command(place, host, argv);
  const stdio: StdioOptions = 'inherit';
  return new Promise((resolve, reject) => {
    const child = spawn(program!, args, { stdio });
    child.on('error', reject);
    // Ctrl-C is meant for what runs inside; we end when it does.
    for (const signal of ['SIGINT', 'SIGQUIT'] as const) process.on(signal, () => {});
    child.on('close', (code) => resolve(code ?? 1));
  });
}

function ssh(place: Place, spec: HostSpec, argv: readonly string[]): string[] {
  pidOf(place, spec.name);
  const way = `nsenter --net=${netnsPath(place.name)} ssh -q -i ${keyPath(place)}`.split(' ');
  // Each lab makes its hosts' keys anew, and there is nobody between.
  const keys = '-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null'.split(' ');
  const terminal = process.stdin.isTTY ? ['-t'] : [];
  return [...way, ...keys, ...terminal, `root@${addressOf(spec)}`, argv.map(quoted).join(' ')];
}
