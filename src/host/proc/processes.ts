import { each } from '../facts/look.ts';
import { readText, type Host } from '../host.ts';
import { sha256 } from '../canonical.ts';
import { maskedWords } from '../masked.ts';
import { cut } from '../text.ts';
import { isScratch, parseMaps, withoutDeleted, type MappedFile } from './maps.ts';

export interface Process {
  pid: number;
  ppid: number;
  uid: number;
  name: string;
  command: string;
  exe: string | null;
  exeDeleted: boolean;
  startedAt: string | null;
  /** unit that the control group names */
  cgroupUnit: string | null;
  /** empty when we may not look */
  maps: MappedFile[];
  /** lives in a container's file tree: its paths are not ours */
  foreign: boolean;
}

const TICKS_PER_SECOND = 100;
const COMMAND_LIMIT = 300;
/** What follows would not be told in any case. */
const READ_OF_COMMAND = 8192;

/** Command lines as they are told, by the hash of what they are: looking for secrets in them is dear. */
export type Commands = Map<string, string>;

/** Every process with a program (kernel threads have none), by pid. One that ends while we look is left out. */
export async function readProcesses(host: Host, commands: Commands = new Map()): Promise<Process[]> {
  const pids = ((await host.list('/proc')) ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
  const boot = /^btime (\d+)$/m.exec((await readText(host, '/proc/stat').catch(() => null)) ?? '')?.[1];
  const namespace = await host.readlink('/proc/1/ns/mnt').catch(() => null);
  const context = {
    bootSeconds: boot === undefined ? null : Number(boot),
    namespace,
    before: new Map(commands),
    commands,
  };
  // Only what still runs is kept.
  commands.clear();
  const found = await each(
    pids.sort((a, b) => a - b),
    (pid) => readProcess(host, pid, context),
  );
  return found.filter((process) => process !== null);
}

interface Context {
  bootSeconds: number | null;
  namespace: string | null;
  before: Commands;
  commands: Commands;
}

/** A file of /proc that we may not read says nothing about the others. */
const quiet = <T>(work: Promise<T>): Promise<T | null> => work.catch(() => null);

async function readProcess(host: Host, pid: number, context: Context): Promise<Process | null> {
  const at = `/proc/${pid}`;
  const [status, cmdline, link] = await Promise.all([
    quiet(readText(host, `${at}/status`)),
    quiet(readText(host, `${at}/cmdline`)),
    quiet(host.readlink(`${at}/exe`)),
  ]);
  if (!status || (!cmdline && !link)) return null;
  const field = (name: string): string => new RegExp(String.raw`^${name}:\s*(\S+)`, 'm').exec(status)?.[1] ?? '';
  return {
    pid,
    ppid: Number(field('PPid')),
    uid: Number(field('Uid')),
    name: field('Name'),
    command: commandOf(host, cmdline ?? '', context),
    ...programOf(host, link),
    ...(await readMore(host, at, context)),
  };
}

function programOf(host: Host, link: string | null): Pick<Process, 'exe' | 'exeDeleted'> {
  if (link === null) return { exe: null, exeDeleted: false };
  const { path, deleted } = withoutDeleted(host.shown(link));
  return { exe: isScratch(path) ? null : path, exeDeleted: deleted && !isScratch(path) };
}

type More = Pick<Process, 'startedAt' | 'cgroupUnit' | 'maps' | 'foreign'>;

async function readMore(host: Host, at: string, context: Context): Promise<More> {
  const [stat, maps, cgroup, namespace] = await Promise.all([
    quiet(readText(host, `${at}/stat`)),
    quiet(readText(host, `${at}/maps`, 32 * 1024 * 1024)),
    quiet(readText(host, `${at}/cgroup`)),
    quiet(host.readlink(`${at}/ns/mnt`)),
  ]);
  return {
    startedAt: startOf(stat, context.bootSeconds),
    cgroupUnit: unitOfCgroup(cgroup ?? ''),
    maps: parseMaps(maps ?? '', (path) => host.shown(path)),
    foreign: namespace !== null && context.namespace !== null && namespace !== context.namespace,
  };
}

function commandOf(host: Host, cmdline: string, { before, commands }: Context): string {
  const key = sha256(cmdline);
  const command = before.get(key) ?? commands.get(key) ?? masked(host, cmdline);
  commands.set(key, command);
  return command;
}

function masked(host: Host, cmdline: string): string {
  const words = cmdline
    .slice(0, READ_OF_COMMAND)
    .split('\0')
    .filter(Boolean)
    .map((word) => host.shown(word));
  return cut(maskedWords(words).join(' '), COMMAND_LIMIT);
}

/** Field 22 of /proc/PID/stat, counted after the name in parentheses, which may hold spaces and parentheses itself. */
function startOf(stat: string | null, bootSeconds: number | null): string | null {
  const ticks = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  if (ticks === undefined || bootSeconds === null) return null;
  return new Date((bootSeconds + Math.floor(Number(ticks) / TICKS_PER_SECOND)) * 1000).toISOString();
}

/** Version 2 (`0::/system.slice/x.service`) or the systemd hierarchy of version 1. The innermost service counts. */
function unitOfCgroup(text: string): string | null {
  const line = text.split('\n').find((row) => row.startsWith('0::') || row.includes(':name=systemd:')) ?? '';
  return line.split('/').findLast((part) => part.endsWith('.service')) ?? null;
}
