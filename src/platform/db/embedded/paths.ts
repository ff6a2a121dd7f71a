import { createHash } from 'node:crypto';
import { chmod, chown, lstat, mkdir, mkdtemp, rmdir, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { AppError } from '../../../model/errors/index.ts';

/** The operating system's limit for a Unix socket's path (sun_path, less the terminating zero). */
const SOCKET_PATH_LIMIT = 107;
/** For state that cannot lie in the data directory; not the agent's /var/lib/lastember, which its removal takes along. */
const ELSEWHERE = '/var/lib/lastember-server';
const SOCKET_NAME = '/.s.PGSQL.5432';

/** The user that PostgreSQL runs as; null = ourselves (we are not root). */
export interface RunAs {
  uid: number;
  gid: number;
}

export function runAs(pgUid: number): RunAs | null {
  return process.getuid?.() === 0 ? { uid: pgUid, gid: pgUid } : null;
}

/** Where a data directory's PostgreSQL lives. */
export interface StatePaths {
  root: string;
  data: string;
  /** binaries by version */
  pg: string;
  secrets: string;
  log: string;
}

function statePaths(root: string): StatePaths {
  return {
    root,
    data: join(root, 'data'),
    pg: join(root, 'pg'),
    secrets: join(root, 'secrets.json'),
    log: join(root, 'postgres.log'),
  };
}

/** NFS, SMB, CIFS, SMB2 by their magic numbers. */
const NETWORK_FILE_SYSTEMS = new Set([0x6969, 0x517b, 0xff534d42, 0xfe534d42]);

/** Makes the data directory, or says why it cannot be used. */
export async function prepareDataDir(dataDir: string): Promise<void> {
  try {
    // Only the last one is ours to close: others on the way may be shared, and the database's user must pass them.
    await mkdir(dirname(dataDir), { recursive: true });
    await mkdir(dataDir, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    // The only sure test of "writable" is to write.
    const probe = await mkdtemp(join(dataDir, '.write-'));
    await rmdir(probe);
    const { type } = await statfs(dataDir);
    if (NETWORK_FILE_SYSTEMS.has(type)) {
      throw new AppError('DATA_DIR_UNUSABLE', {
        path: dataDir,
        why: 'it is on a network file system, where locks and fsync are no promise; a PostgreSQL of your own (DATABASE_URL) can keep the data elsewhere',
      });
    }
  } catch (error) {
    throw error instanceof AppError ? error : unusable(dataDir, error);
  }
}

/** What PostgreSQL's programs say when the disk is full: the system's words, or their own about a short write. */
export function saysDiskFull(text: string): boolean {
  return /No space left on device|Disk quota exceeded|Check free disk space|wrote only \d+ of \d+ bytes/i.test(text);
}

export function unusable(path: string, error: unknown): AppError {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new AppError('DATABASE_DISK_FULL', { why: message }, { cause: error });
  const why =
    code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
      ? `it is not writable by this user (uid ${process.getuid?.() ?? '?'})`
      : code === 'ENOTDIR' || code === 'EEXIST'
        ? 'it is not a directory'
        : message;
  return new AppError('DATA_DIR_UNUSABLE', { path, why }, { cause: error });
}

/**
 * Where PostgreSQL keeps its state: below the data directory, unless root gave one that the database's own user cannot
 * enter (below /root, say): then /var/lib/lastember-server/<name>, the same again at every start.
 */
export async function locateState(dataDir: string, who: RunAs | null): Promise<StatePaths> {
  const inside = join(dataDir, 'postgres');
  if (!who) return makeState(inside, null);
  await openOwnDir(dataDir, who);
  const barrier = await firstBarrier(dataDir, who);
  if (barrier === null) return makeState(inside, who);
  const digest = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  const outside = join(ELSEWHERE, digest);
  try {
    await mkdir(ELSEWHERE, { recursive: true, mode: 0o711 });
    if ((await firstBarrier(dirname(outside), who)) === null) return await makeState(outside, who);
  } catch {
    // Read-only root file system, say: falls through to the message that names the real obstacle.
  }
  throw new AppError('DATABASE_NOT_TRAVERSABLE', { uid: who.uid, path: barrier });
}

async function makeState(root: string, who: RunAs | null): Promise<StatePaths> {
  try {
    await mkdir(root, { recursive: true, mode: who ? 0o711 : 0o700 });
    if (who) await chmod(root, 0o711);
    return statePaths(root);
  } catch (error) {
    throw unusable(root, error);
  }
}

/** A data directory closed to all groups (as mkdtemp makes them) lets the database's own group pass, and nobody else. */
async function openOwnDir(dataDir: string, who: RunAs): Promise<void> {
  const info = await stat(dataDir);
  if ((info.mode & 0o077) !== 0 || info.uid !== 0) return;
  await chown(dataDir, info.uid, who.gid);
  await chmod(dataDir, 0o710);
}

/** The first directory on the way that this user cannot enter, from the top. */
async function firstBarrier(path: string, who: RunAs): Promise<string | null> {
  const chain: string[] = [];
  for (let at = path; ; at = dirname(at)) {
    chain.unshift(at);
    if (dirname(at) === at) break;
  }
  for (const directory of chain) {
    const { mode, uid, gid } = await stat(directory);
    const bit = uid === who.uid ? 0o100 : gid === who.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return directory;
  }
  return null;
}

/** The socket's directory, 0700 and the database user's own; a short one elsewhere when the path would be too long. */
export async function socketDir(paths: StatePaths, who: RunAs | null): Promise<string> {
  const beside = join(paths.root, 'run');
  const directory =
    Buffer.byteLength(beside + SOCKET_NAME) <= SOCKET_PATH_LIMIT
      ? beside
      : join(tmpdir(), `lastember-${createHash('sha256').update(paths.root).digest('hex').slice(0, 16)}`);
  await mkdir(directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw unusable(directory, error);
  });
  const info = await lstat(directory);
  const owners = [process.getuid?.() ?? 0, who?.uid];
  // In a shared temporary directory somebody else may have put something in our place.
  if (!info.isDirectory() || !owners.includes(info.uid)) {
    throw new AppError('DATA_DIR_UNUSABLE', {
      path: directory,
      why: 'the directory for the database socket belongs to somebody else',
    });
  }
  await chmod(directory, 0o700);
  if (who) await chown(directory, who.uid, who.gid);
  return directory;
}
