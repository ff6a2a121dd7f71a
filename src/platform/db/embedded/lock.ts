import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../../model/errors/index.ts';
import { unusable } from './paths.ts';

interface Owner {
  pid: number;
  /** the process's start as the kernel counts it, so that a recycled pid is not taken for the owner; null off Linux */
  started: string | null;
  since: string;
}

export interface DirLock {
  release(): Promise<void>;
}

/** One Lastember per data directory. A lock whose owner is gone (SIGKILL, power cut) is taken over. */
export async function lockDataDir(dataDir: string): Promise<DirLock> {
  const path = join(dataDir, 'lastember.lock');
  const mine = `${path}.${process.pid}`;
  const me: Owner = { pid: process.pid, started: startOf(process.pid), since: new Date().toISOString() };
  const text = JSON.stringify(me);
  try {
    await writeFile(mine, text, { mode: 0o600 });
    await take(path, mine, dataDir);
  } catch (error) {
    throw error instanceof AppError ? error : unusable(dataDir, error);
  } finally {
    await rm(mine, { force: true }).catch(() => undefined);
  }
  return { release: async () => releaseIfMine(path, text) };
}

async function take(path: string, mine: string, dataDir: string): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      // link() is atomic and fails when there is one: the file is complete from the moment it has its name.
      await link(mine, path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const held = await readFile(path, 'utf8').catch(() => null);
    if (held === null) continue;
    const owner = parse(held);
    if (owner && isAlive(owner)) {
      throw new AppError('DATA_DIR_IN_USE', { pid: owner.pid, since: owner.since, path: dataDir });
    }
    await removeStale(path, held);
  }
  throw new AppError('DATA_DIR_UNUSABLE', { path: dataDir, why: 'its lock file keeps changing' });
}

/** Between judging and removing, another process may have taken the lock over: then it gets it back. */
async function removeStale(path: string, judged: string): Promise<void> {
  const aside = `${path}.stale.${process.pid}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  const removed = await readFile(aside, 'utf8').catch(() => judged);
  if (removed !== judged) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

function parse(text: string): Owner | null {
  try {
    const owner = JSON.parse(text) as Owner;
    return Number.isInteger(owner.pid) && owner.pid > 0 ? owner : null;
  } catch {
    return null;
  }
}

function isAlive(owner: Owner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const started = startOf(owner.pid);
  return owner.started === null || started === null || started === owner.started;
}

/** Instead of a start: the process is over, only its exit code has not been collected. */
export const ENDED = 'ended';

/** Boot id and the 22nd field of /proc/<pid>/stat; the name in parentheses before it may itself hold spaces. */
export function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A process that ended and was not yet collected holds nothing any more.
    if (fields[0] === 'Z') return ENDED;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}/${fields[19]}`;
  } catch {
    return null;
  }
}

function releaseIfMine(path: string, text: string): void {
  try {
    if (readFileSync(path, 'utf8') === text) rmSync(path);
  } catch {
    // Gone already, with its directory perhaps.
  }
}
