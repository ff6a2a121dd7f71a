/** What there is of a lab on this machine, found by looking and not by what anybody wrote down. */
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { MARK, markOf, netnsPath, type Place } from './place.ts';

export interface FoundProcess {
  pid: number;
  /** `host:web1`, `mirror` …: null for what runs inside a host, or for a stranger */
  part: string | null;
  namespace: string | null;
  command: string;
}

export interface Found {
  namespaces: string[];
  /** ours: marked, or inside a host's namespace */
  processes: FoundProcess[];
  /** somebody else's that run in the namespace with the bridges: a server under test, a shell */
  strangers: FoundProcess[];
  mounts: string[];
  directory: boolean;
}

export function find(place: Place): Found {
  const namespaces = namespacesOf(place);
  const inodes = new Map(namespaces.map((name) => [inode(netnsPath(name)), name]));
  const processes: FoundProcess[] = [];
  const strangers: FoundProcess[] = [];
  const us = lineage();
  for (const pid of pids()) {
    if (us.has(pid)) continue;
    const part = partOf(place, pid);
    const namespace = inodes.get(netnsOf(pid)) ?? null;
    if (part === null && namespace === null) continue;
    const one = { pid, part, namespace, command: commandOf(pid) };
    (part === null && namespace === place.name ? strangers : processes).push(one);
  }
  return { namespaces, processes, strangers, mounts: mountsBelow(place.run), directory: existsSync(place.run) };
}

export const nothing = (found: Found): boolean =>
  !found.directory && [found.namespaces, found.processes, found.mounts].every((list) => list.length === 0);

function namespacesOf(place: Place): string[] {
  const names = list('/run/netns');
  return names.filter((name) => name === place.name || name.startsWith(`${place.name}-`));
}

/** The part of the lab that a marked process is; its environment is as it was when it started. */
function partOf(place: Place, pid: number): string | null {
  const start = `${MARK}=${markOf(place, '')}`;
  const entry = read(`/proc/${pid}/environ`)
    .split('\0')
    .find((one) => one.startsWith(start));
  return entry === undefined ? null : entry.slice(start.length);
}

/** We and whoever started us: `down` may be called from a shell inside the lab. */
function lineage(): Set<number> {
  const seen = new Set<number>();
  for (let pid = process.pid; pid > 0 && !seen.has(pid);) {
    seen.add(pid);
    pid = Number(/\) \S+ (\d+)/.exec(read(`/proc/${pid}/stat`))?.[1] ?? 0);
  }
  return seen;
}

/** Mount points as the kernel writes them, spaces as \040; the run directory has none. Deepest first. */
export function mountsBelow(directory: string): string[] {
  return read('/proc/self/mountinfo')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point === directory || point.startsWith(`${directory}/`))
    .sort((a, b) => b.length - a.length);
}

const pids = (): number[] =>
  list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

const commandOf = (pid: number): string => read(`/proc/${pid}/cmdline`).split('\0').join(' ').trim().slice(0, 200);

function netnsOf(pid: number): string {
  try {
    return /\[(\d+)\]/.exec(readlinkSync(`/proc/${pid}/ns/net`))?.[1] ?? '';
  } catch {
    return '';
  }
}

/** A name whose file is not a namespace was left by an `ip netns add` that was killed half-way. */
function inode(path: string): string {
  try {
    return String(statSync(path).ino);
  } catch {
    return '';
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
