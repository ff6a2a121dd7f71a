import { randomUUID } from 'node:crypto';
import { appendFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Platform } from '../../platform/context.ts';
import { splitCheckpoints } from './verify/index.ts';

/**
 * What this server remembers of its own history outside the database: the newest checkpoint it signed or saw. Whoever
 * rewrites or truncates the database does not reach it. A witness file (another disk, another machine) keeps them all.
 */
export function memoryFile(platform: Platform): string {
  return join(platform.config.dataDir, 'trail', 'checkpoint');
}

export async function remembered(platform: Platform): Promise<string[]> {
  const witness = platform.config.checkpointFile ? splitCheckpoints(await readOr(platform.config.checkpointFile)) : [];
  const memory = splitCheckpoints(await readOr(memoryFile(platform)));
  // The newest say most; a long witness file need not be gone through each time.
  return [...witness.slice(-1000), ...memory];
}

export async function latestRemembered(platform: Platform): Promise<string | null> {
  return splitCheckpoints(await readOr(memoryFile(platform))).at(-1) ?? null;
}

export async function remember(platform: Platform, checkpoint: string): Promise<void> {
  const file = memoryFile(platform);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  // A name of its own: server and worker may do this at the same time.
  const fresh = `${file}.${randomUUID()}`;
  await writeFile(fresh, checkpoint, { mode: 0o600, flush: true });
  await rename(fresh, file);
  if (platform.config.checkpointFile) await appendFile(platform.config.checkpointFile, checkpoint);
}

async function readOr(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
