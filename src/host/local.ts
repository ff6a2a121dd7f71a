import { closeSync, constants, openSync, readdirSync, readlinkSync, readSync, type BigIntStats } from 'node:fs';
import { chmod, mkdir, open, readdir, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { AppError } from '../model/errors/index.ts';
import { deviceName } from './device.ts';
import { READ_LIMIT, type Host, type Stat } from './host.ts';
import { runLocal } from './local-exec.ts';

export interface LocalHost extends Host {
  /** Where a path of the host really lies, for files that are ours (journal, keys). */
  real(path: string): string;
}

/** `ESRCH`: a process went away while we looked at it. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ESRCH']);
const LINKS_LIMIT = 40;

/** The machine we run on, or a tree that stands for it: `root` is put before every path, as for a container that mounts it. */
export function localHost(options: { root?: string } = {}): LocalHost {
  const root = normalize(options.root ?? '/').replace(/(.)\/+$/, '$1');
  const real = (path: string): string => (root === '/' ? path : join(root, path));
  const shown = (path: string): string => stripRoot(root, path);
  const at = (path: string): Promise<string> => follow(root, path, 0);
  return {
    far: false,
    real,
    shown,
    read: (path, limits) =>
      orNull('reading', path, async () =>
        IN_MEMORY.test(path)
          ? readNow(real(path), path, limits?.maxBytes)
          : readBounded(await at(path), path, limits?.maxBytes),
      ),
    list: (path) =>
      orNull('listing', path, async () =>
        (LISTS_IN_MEMORY.test(path) ? readdirSync(real(path)) : await readdir(await at(path))).sort(),
      ),
    stat: (path) => orNull('looking at', path, async () => toStat(await stat(await at(path), { bigint: true }))),
    readlink: (path) =>
      orNull('looking at', path, async () => {
        if (LINKS_IN_MEMORY.test(path)) return shown(readlinkSync(real(path)));
        const target = await readlink(join(await at(dirname(path)), lastName(path))).catch(notALink);
        return target === null ? null : shown(target);
      }),
    exec: (argv, limits) => runLocal(root, argv, limits),
    write: (path, bytes, mode) => must('writing', path, async () => replace(await at(path), bytes, mode)),
    chmod: (path, mode) => must('changing the mode of', path, async () => chmod(await at(path), mode)),
    rename: (from, to) =>
      must('renaming', from, async () => {
        await rename(real(from), real(to));
        await syncDirectory(dirname(real(to)));
      }),
    remove: (path) => must('removing', path, () => rm(real(path), { force: true })),
    mkdir: (path, mode) =>
      must('making the directory', path, async () => {
        await mkdir(await at(path), { recursive: true, mode });
      }),
    close: async () => {},
  };
}

function stripRoot(root: string, path: string): string {
  if (root === '/') return path;
  if (path === root) return '/';
  return path.startsWith(`${root}/`) ? path.slice(root.length) : path;
}

/**
 * The real place of a path below `root`, with absolute links taken as relative to that root (as chroot would).
 * /proc is left to the kernel: its links are not paths.
 */
async function follow(root: string, path: string, depth: number): Promise<string> {
  if (root === '/' || path.startsWith('/proc/')) return root === '/' ? path : join(root, path);
  const parts = normalize(path).split('/').filter(Boolean);
  for (const [index, _part] of parts.entries()) {
    const here = `/${parts.slice(0, index + 1).join('/')}`;
    const target = await readlink(join(root, here)).catch(() => null);
    if (target === null) continue;
    if (depth >= LINKS_LIMIT) throw Object.assign(new Error('too many links'), { code: 'ELOOP' });
    const next = isAbsolute(target) ? stripRoot(root, target) : join(dirname(here), target);
    return follow(root, join(next, ...parts.slice(index + 1)), depth + 1);
  }
  return join(root, path);
}

const lastName = (path: string): string => path.split('/').at(-1) ?? '';

function notALink(error: NodeJS.ErrnoException): null {
  if (error.code === 'EINVAL') return null;
  throw error;
}

async function orNull<T>(doing: string, path: string, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (ABSENT.has((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw refused(doing, path, error);
  }
}

async function must(doing: string, path: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw refused(doing, path, error);
  }
}

function refused(doing: string, path: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  return new AppError('HOST_FILE', { doing, path, why: (cause as Error).message }, { cause });
}

function toStat(found: BigIntStats): Stat {
  const kind = found.isFile() ? 'file' : found.isDirectory() ? 'directory' : found.isSymbolicLink() ? 'link' : 'other';
  return {
    kind,
    mode: Number(found.mode) & 0o7777,
    uid: Number(found.uid),
    gid: Number(found.gid),
    size: Number(found.size),
    mtime: Number(found.mtimeMs),
    ctime: Number(found.ctimeMs),
    device: deviceName(found.dev),
    inode: String(found.ino),
  };
}

/** Files of /proc say size 0, so we read to the end, not to the size. O_NONBLOCK: a FIFO must not hold us up. */
async function readBounded(real: string, path: string, maxBytes = READ_LIMIT): Promise<Uint8Array> {
  const file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK);
  const scratch = SCRATCH.pop() ?? Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  try {
    const chunks: Buffer[] = [];
    let total = 0;
    for (;;) {
      const { bytesRead } = await file.read(scratch, 0, SCRATCH_BYTES, null);
      if (bytesRead === 0) return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
      total += bytesRead;
      if (total > maxBytes) throw new AppError('HOST_FILE_TOO_LARGE', { path, limit: maxBytes });
      chunks.push(Buffer.from(scratch.subarray(0, bytesRead)));
    }
  } finally {
    if (SCRATCH.length < SCRATCH_MOST) SCRATCH.push(scratch);
    await file.close();
  }
}

/**
 * What the kernel tells from its own memory at once, whatever a process is stuck in: asked for in place,
 * since a question through another thread costs ten times as much. `cmdline` and `maps` may be waited for, and are not here.
 */
const IN_MEMORY = /^\/proc\/(?:\d+\/(?:cgroup|stat|status)|sys\/(?:fs|kernel|net)(?:\/[\w-]+)+|net\/tcp6?)$/;
const LISTS_IN_MEMORY = /^\/proc\/\d+\/fd$/;
const LINKS_IN_MEMORY = /^\/proc\/\d+\/(?:exe|fd\/\d+|ns\/mnt)$/;

function readNow(real: string, path: string, maxBytes = READ_LIMIT): Uint8Array {
  const file = openSync(real, constants.O_RDONLY);
  try {
    const chunks: Buffer[] = [];
    let total = 0;
    for (let bytes = -1; bytes !== 0;) {
      bytes = readSync(file, IN_PLACE, 0, IN_PLACE.length, null);
      total += bytes;
      if (total > maxBytes) throw new AppError('HOST_FILE_TOO_LARGE', { path, limit: maxBytes });
      chunks.push(Buffer.from(IN_PLACE.subarray(0, bytes)));
    }
    return Buffer.concat(chunks);
  } finally {
    closeSync(file);
  }
}
const IN_PLACE = Buffer.allocUnsafeSlow(65_536);

/** A look reads a thousand small files: room to read into is used again, not made anew for each. */
const SCRATCH_BYTES = 65_536;
const SCRATCH_MOST = 16;
const SCRATCH: Buffer[] = [];

/** Temporary file beside the target, flushed, then renamed over it; the directory is flushed too. */
async function replace(found: string, bytes: Uint8Array, mode: number): Promise<void> {
  // Below a root its links were followed already; for the machine itself the kernel does it.
  const real = await realpath(found).catch(() => found);
  const before = await stat(real).catch(() => null);
  const temporary = join(dirname(real), `.${lastName(real)}.${process.pid}.${Date.now().toString(36)}.new`);
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(bytes);
    if (before) await file.chown(before.uid, before.gid).catch(() => {});
    await file.chmod(mode);
    await file.sync();
    await file.close();
    await rename(temporary, real);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(real));
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
