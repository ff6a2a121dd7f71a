import type { FileEntryWithStats, SFTPWrapper, Stats } from 'ssh2';
import { randomBytes } from 'node:crypto';
import { AppError } from '../../model/errors/index.ts';
import { READ_LIMIT, type Stat } from '../host.ts';
import { isKernels } from './regular.ts';

/** SFTP status 2: there is no such file. Servers also say 4 (failure) for a parent that is no directory. */
const NO_SUCH_FILE = 2;
const CHUNK = 32_768;
/** Writes in flight at once: one round trip per chunk would make a large file a matter of latency. */
const IN_FLIGHT = 16;
const ENTRIES_LIMIT = 200_000;

type Callback<T> = (error: Error | null | undefined, value: T) => void;
const call = <T>(start: (done: Callback<T>) => void): Promise<T> =>
  new Promise((resolve, reject) => start((error, value) => (error ? reject(error) : resolve(value))));
const act = (start: (done: (error?: Error | null) => void) => void): Promise<void> =>
  call<void>((done) => start((error) => done(error, undefined)));

async function orNull<T>(doing: string, path: string, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if ((error as { code?: unknown }).code === NO_SUCH_FILE) return null;
    throw refused(doing, path, error);
  }
}

async function must<T>(doing: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw refused(doing, path, error);
  }
}

function refused(doing: string, path: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  return new AppError('HOST_FILE', { doing, path, why: (cause as Error).message }, { cause });
}

export function read(sftp: SFTPWrapper, path: string, maxBytes = READ_LIMIT): Promise<Uint8Array | null> {
  return orNull('reading', path, async () => {
    if (!isKernels(path)) {
      const found = await call<Stats>((done) => sftp.stat(path, done));
      if (!found.isFile()) throw new AppError('HOST_FILE', { doing: 'reading', path, why: 'it is no regular file' });
      // Nor a link to one of the kernel's, which are never so large.
      if (found.size === 0) return Buffer.alloc(0);
    }
    const handle = await call<Buffer>((done) => sftp.open(path, 'r', done));
    try {
      return await readAll(sftp, handle, path, maxBytes);
    } finally {
      await act((done) => sftp.close(handle, done)).catch(() => {});
    }
  });
}

/** Files of /proc say size 0 and others may grow: what the size promises is read side by side, then on to the end. */
async function readAll(sftp: SFTPWrapper, handle: Buffer, path: string, maxBytes: number): Promise<Uint8Array> {
  const { size } = await call<Stats>((done) => sftp.fstat(handle, done));
  if (size > maxBytes) throw new AppError('HOST_FILE_TOO_LARGE', { path, limit: maxBytes });
  const chunks: Buffer[] = await readAhead(sftp, handle, size);
  let total = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  for (;;) {
    const chunk = await readChunk(sftp, handle, total);
    if (chunk.length === 0) return Buffer.concat(chunks);
    total += chunk.length;
    if (total > maxBytes) throw new AppError('HOST_FILE_TOO_LARGE', { path, limit: maxBytes });
    chunks.push(chunk);
  }
}

/** Whole chunks from the start, as many as came back full and in one piece. */
async function readAhead(sftp: SFTPWrapper, handle: Buffer, size: number): Promise<Buffer[]> {
  const chunks: Buffer[] = Array.from({ length: Math.floor(size / CHUNK) });
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < chunks.length) {
      const index = next;
      next += 1;
      chunks[index] = await readChunk(sftp, handle, index * CHUNK);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  const short = chunks.findIndex((chunk) => chunk.length < CHUNK);
  return short === -1 ? chunks : chunks.slice(0, short);
}

/** Status 1 is the end of the file. */
function readChunk(sftp: SFTPWrapper, handle: Buffer, position: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    sftp.read(handle, Buffer.allocUnsafe(CHUNK), 0, CHUNK, position, (error, count, buffer) => {
      const end = (error as { code?: unknown } | undefined)?.code === 1;
      if (error && !end) reject(error);
      else resolve(end ? Buffer.alloc(0) : buffer.subarray(0, count));
    });
  });
}

export async function list(sftp: SFTPWrapper, path: string): Promise<string[] | null> {
  return orNull('listing', path, async () => {
    const handle = await call<Buffer>((done) => sftp.opendir(path, done));
    try {
      const names: string[] = [];
      for (let some = await readSome(sftp, handle); some !== null; some = await readSome(sftp, handle)) {
        names.push(...some);
        if (names.length > ENTRIES_LIMIT)
          throw new AppError('HOST_FILE', { doing: 'listing', path, why: `more than ${ENTRIES_LIMIT} names` });
      }
      return names.filter((name) => name !== '.' && name !== '..').sort();
    } finally {
      await act((done) => sftp.close(handle, done)).catch(() => {});
    }
  });
}

interface FullReader {
  readdir(handle: Buffer, options: { full: true }, done: Callback<FileEntryWithStats[]>): void;
}

/** Names in the next answer, `.` and `..` as well; null at the end. */
function readSome(sftp: SFTPWrapper, handle: Buffer): Promise<string[] | null> {
  return new Promise((resolve, reject) => {
    const done: Callback<FileEntryWithStats[]> = (error, found) => {
      const end = (error as { code?: unknown } | undefined)?.code === 1;
      if (error && !end) reject(error);
      else resolve(end ? null : found.map((entry) => entry.filename));
    };
    // `full`, which the types do not know, leaves what was sent as it is.
    (sftp as unknown as FullReader).readdir(handle, { full: true }, done);
  });
}

export async function stat(sftp: SFTPWrapper, path: string): Promise<Stat | null> {
  const found = await orNull('looking at', path, () => call<Stats>((done) => sftp.stat(path, done)));
  return found === null ? null : toStat(found);
}

function toStat(found: Stats): Stat {
  const kind = found.isFile() ? 'file' : found.isDirectory() ? 'directory' : found.isSymbolicLink() ? 'link' : 'other';
  return {
    kind,
    mode: found.mode & 0o7777,
    uid: found.uid,
    gid: found.gid,
    size: found.size,
    mtime: found.mtime * 1000,
    ctime: null,
    device: null,
    inode: null,
  };
}

/** SFTP answers "failure" both for what is no link and for what cannot be read: asked again without following. */
export function readlink(sftp: SFTPWrapper, path: string): Promise<string | null> {
  return orNull('looking at', path, async () => {
    const found = await call<Stats>((done) => sftp.lstat(path, done));
    return found.isSymbolicLink() ? call<string>((done) => sftp.readlink(path, done)) : null;
  });
}

export function write(sftp: SFTPWrapper, path: string, bytes: Uint8Array, mode: number): Promise<void> {
  return must('writing', path, async () => {
    const target = await call<string>((done) => sftp.realpath(path, done)).catch(() => path);
    const before = await call<Stats>((done) => sftp.stat(target, done)).catch(() => null);
    const temporary = target.replace(/([^/]*)$/, `.$1.${randomBytes(6).toString('hex')}.new`);
    try {
      await writeNew(sftp, temporary, bytes);
      if (before) await act((done) => sftp.chown(temporary, before.uid, before.gid, done)).catch(() => {});
      await act((done) => sftp.chmod(temporary, mode, done));
      await renameOver(sftp, temporary, target);
    } catch (error) {
      await act((done) => sftp.unlink(temporary, done)).catch(() => {});
      throw error;
    }
  });
}

async function writeNew(sftp: SFTPWrapper, path: string, bytes: Uint8Array): Promise<void> {
  const handle = await call<Buffer>((done) => sftp.open(path, 'wx', 0o600, done));
  try {
    const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < source.length) {
        const at = next;
        const length = Math.min(CHUNK, source.length - at);
        next += length;
        await act((done) => sftp.write(handle, source, at, length, at, done));
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
    // An extension of OpenSSH; a server without it flushes when it likes.
    await act((done) => sftp.ext_openssh_fsync(handle, done)).catch(() => {});
  } finally {
    await act((done) => sftp.close(handle, done));
  }
}

/** rename of SFTP version 3 may refuse to replace; OpenSSH's extension renames as POSIX does. */
async function renameOver(sftp: SFTPWrapper, from: string, to: string): Promise<void> {
  try {
    await act((done) => sftp.ext_openssh_rename(from, to, done));
  } catch {
    await act((done) => sftp.rename(from, to, done));
  }
}

export const rename = (sftp: SFTPWrapper, from: string, to: string): Promise<void> =>
  must('renaming', from, () => renameOver(sftp, from, to));
export const chmod = (sftp: SFTPWrapper, path: string, mode: number): Promise<void> =>
  must('changing the mode of', path, () => act((done) => sftp.chmod(path, mode, done)));

export async function remove(sftp: SFTPWrapper, path: string): Promise<void> {
  await orNull('removing', path, () => act((done) => sftp.unlink(path, done)));
}

export function mkdir(sftp: SFTPWrapper, path: string, mode: number): Promise<void> {
  return must('making the directory', path, async () => {
    const parts = path.split('/').filter(Boolean);
    for (const index of parts.keys()) {
      const here = `/${parts.slice(0, index + 1).join('/')}`;
      if ((await stat(sftp, here))?.kind === 'directory') continue;
      await act((done) => sftp.mkdir(here, { mode }, done));
    }
  });
}
