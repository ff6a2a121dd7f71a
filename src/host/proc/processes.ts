import { each } from '../facts/look.ts';
import { readText, type Host } from '../host.ts';
import { sha256 } from '../canonical.ts';
import { maskedWords } from '../masked.ts';
import { cut } from '../text.ts';
import { nothingKept, stampsOf, type Kept } from './kept.ts';
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
const MAPS_LIMIT = 32 * 1024 * 1024;
/** Most is known already; what is not, is asked for at once. */
const FAR_WIDTH = 4096;

/** Every process with a program (kernel threads have none), by pid. One that ends while we look is left out. */
export async function readProcesses(host: Host, kept: Kept = nothingKept()): Promise<Process[]> {
  const pids = ((await host.list('/proc')) ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
  const boot = /^btime (\d+)$/m.exec((await readText(host, '/proc/stat').catch(() => null)) ?? '')?.[1];
  const namespace = await host.readlink('/proc/1/ns/mnt').catch(() => null);
  const context = {
    bootSeconds: boot === undefined ? null : Number(boot),
    namespace,
    before: { ...kept },
    kept,
    files: filesOf(kept),
  };
  // Only what still runs is kept.
  Object.assign(kept, { ...nothingKept(), disk: kept.disk });
  const found = await each(
    pids.sort((a, b) => a - b),
    (pid) => readProcess(host, pid, context),
    host.far ? FAR_WIDTH : undefined,
  );
  return found.filter((process) => process !== null);
}

interface Context {
  bootSeconds: number | null;
  namespace: string | null;
  before: Kept;
  kept: Kept;
  /** each mapped file once, however many processes map it */
  files: Map<string, MappedFile>;
}

const keyOf = ({ path, device, inode, deleted, executable }: MappedFile): string =>
  `${device} ${inode} ${deleted} ${executable} ${path}`;

const filesOf = ({ mapped }: Kept): Context['files'] =>
  new Map([...mapped.values()].flatMap(({ files }) => files.map((file) => [keyOf(file), file])));

/** A file of /proc that we may not read says nothing about the others. */
const quiet = <T>(work: Promise<T>): Promise<T | null> => work.catch(() => null);

/** PF_KTHREAD in field 9 of /proc/PID/stat. */
const isKernels = (stat: string): boolean =>
  (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[6]) & 0x20_0000) !== 0;

const fieldOf = (status: string, name: string): string =>
  new RegExp(String.raw`^${name}:\s*(\S+)`, 'm').exec(status)?.[1] ?? '';

const isForeign = (namespace: string | null, context: Context): boolean =>
  namespace !== null && context.namespace !== null && namespace !== context.namespace;

async function readProcess(host: Host, pid: number, context: Context): Promise<Process | null> {
  const at = `/proc/${pid}`;
  const stat = (await quiet(readText(host, `${at}/stat`))) ?? '';
  if (isKernels(stat)) return null;
  const [status, link, cgroup, namespace] = await Promise.all([
    quiet(readText(host, `${at}/status`)),
    quiet(host.readlink(`${at}/exe`)),
    quiet(readText(host, `${at}/cgroup`)),
    quiet(host.readlink(`${at}/ns/mnt`)),
  ]);
  if (!status) return null;
  const foreign = isForeign(namespace, context);
  const stamps = stampsOf(stat, status);
  const [command, maps] = await Promise.all([
    commandOf(host, pid, stamps?.called, context),
    mapsOf(host, pid, { stamp: stamps?.mapped, root: foreign ? `${at}/root` : '' }, context),
  ]);
  if (command === null && !link) return null;
  return {
    pid,
    ppid: Number(fieldOf(status, 'PPid')),
    uid: Number(fieldOf(status, 'Uid')),
    name: fieldOf(status, 'Name'),
    command: command ?? '',
    ...programOf(host, link),
    startedAt: startOf(stat, context.bootSeconds),
    cgroupUnit: unitOfCgroup(cgroup ?? ''),
    maps,
    foreign,
  };
}

/** Null: it has none. */
async function commandOf(
  host: Host,
  pid: number,
  stamp: string | undefined,
  { before, kept }: Context,
): Promise<string | null> {
  const known = before.called.get(pid);
  const isSame = known !== undefined && known.stamp === stamp;
  const cmdline = isSame ? null : await quiet(readText(host, `/proc/${pid}/cmdline`));
  if (!isSame && !cmdline) return null;
  const hash = isSame ? known.hash : sha256(cmdline!);
  const command = before.told.get(hash) ?? kept.told.get(hash) ?? masked(host, cmdline ?? '');
  kept.told.set(hash, command);
  if (stamp !== undefined) kept.called.set(pid, { stamp, hash });
  return command;
}

interface Asked {
  stamp: string | undefined;
  root: string;
}

async function mapsOf(host: Host, pid: number, { stamp, root }: Asked, context: Context): Promise<MappedFile[]> {
  const { before, kept, files } = context;
  const known = before.mapped.get(pid);
  if (known !== undefined && known.stamp === stamp && known.root === root) {
    kept.mapped.set(pid, known);
    return known.files;
  }
  const text = await quiet(readText(host, `/proc/${pid}/maps`, MAPS_LIMIT));
  if (text === null) return [];
  const found = parseMaps(text, (path) => host.shown(path)).map((file) => {
    const key = keyOf(file);
    const same = files.get(key) ?? file;
    files.set(key, same);
    return same;
  });
  if (stamp !== undefined) kept.mapped.set(pid, { stamp, files: found, root });
  return found;
}

function programOf(host: Host, link: string | null): Pick<Process, 'exe' | 'exeDeleted'> {
  if (link === null) return { exe: null, exeDeleted: false };
  const { path, deleted } = withoutDeleted(host.shown(link));
  return { exe: isScratch(path) ? null : path, exeDeleted: deleted && !isScratch(path) };
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
