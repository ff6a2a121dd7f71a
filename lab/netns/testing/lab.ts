/** A lab of a test's own: another name and another run directory, so that one that is up is not touched. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { must, run } from '../command.ts';
import { ALL_HOSTS } from '../hosts.ts';
import { keyPath } from '../up.ts';
import { netnsPath, placeOf, whyNot, type Place } from '../place.ts';
import type { LoggedIn, Login } from './login.ts';

const MAIN = join(import.meta.dirname, '../main.ts');

export const skip = whyNot(process.env) ?? false;

export class TestLab {
  readonly env: NodeJS.ProcessEnv;
  readonly place: Place;

  constructor(letter: string) {
    const name = `lt${letter}${process.pid}`;
    this.env = { ...process.env, LASTEMBER_LAB_NAME: name, LASTEMBER_LAB_RUN: `/run/lastember-lab-${name}` };
    this.place = placeOf(this.env);
  }

  /** As a person calls it. */
  lab(...args: string[]): Promise<string> {
    return must([process.execPath, MAIN, ...args], { env: this.env });
  }

  start(...args: string[]): ChildProcess {
    return spawn(process.execPath, [MAIN, ...args], { env: this.env, stdio: 'ignore' });
  }

  async exec(host: string, ...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const ran = await run([process.execPath, MAIN, 'exec', host, '--json', '--', ...argv], { env: this.env });
    if (!ran.stdout) throw new Error(`exec ${host}: ${ran.stderr}`);
    return JSON.parse(ran.stdout) as { code: number; stdout: string; stderr: string };
  }

  /** Logs in from inside the lab's namespace: nowhere else are the hosts to be found. */
  async login(login: Omit<Login, 'privateKey'>): Promise<LoggedIn> {
    const withKey = login.password ? login : { ...login, privateKey: readFileSync(keyPath(this.place), 'utf8') };
    const net = `--net=${netnsPath(this.place.name)}`;
    const script = join(import.meta.dirname, 'login.ts');
    return JSON.parse(await must(['nsenter', net, process.execPath, script, JSON.stringify(withKey)])) as LoggedIn;
  }

  /** What of the machine a lab could leave traces in; nothing of it is the lab's when it is down. */
  async traces(): Promise<{
    namespaces: string[];
    mounts: string[];
    links: string[];
    runs: string[];
    processes: string[];
  }> {
    const { name, run: directory } = this.place;
    const ours = (text: string): boolean => text.includes(name) || text.includes(directory);
    return {
      namespaces: list('/run/netns').filter(ours),
      mounts: read('/proc/self/mountinfo')
        .split('\n')
        .map((line) => line.split(' ')[4] ?? '')
        .filter(ours),
      links: (await must(['ip', '-brief', 'link']))
        .split('\n')
        .filter((line) => ours(line) || ALL_HOSTS.some((host) => line.startsWith(host.name))),
      runs: list('/run').filter(ours),
      processes: list('/proc').filter(
        (pid) =>
          /^\d+$/.test(pid) &&
          Number(pid) !== process.pid &&
          (ours(read(`/proc/${pid}/cmdline`)) || ours(read(`/proc/${pid}/environ`))),
      ),
    };
  }
}

/** Network namespaces that processes are in, by inode: a namespace without a name lives on in them. */
export function namespacesInUse(): Set<number> {
  return new Set(
    list('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          return [statSync(`/proc/${pid}/ns/net`).ino];
        } catch {
          return [];
        }
      }),
  );
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
