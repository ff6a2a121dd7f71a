import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sql } from 'kysely';
import { AppError } from '../../model/errors/index.ts';
import type { Config } from '../config/index.ts';
import type { Db } from '../context.ts';

/** The key from the configured file, or the data directory's own, which is made at the first start. */
export async function loadVaultKey(config: Pick<Config, 'dataDir' | 'vaultKeyFile'>): Promise<Buffer> {
  if (config.vaultKeyFile) return readKey(config.vaultKeyFile);
  const path = join(config.dataDir, 'vault.key');
  await makeKey(path);
  return readKey(path);
}

async function makeKey(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(`${randomBytes(32).toString('hex')}\n`);
      // Losing the key loses every secret: it must be on the disk before the first row that needs it.
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

async function readKey(path: string): Promise<Buffer> {
  const refuse = (why: string, cause?: unknown): never => {
    throw new AppError('VAULT_KEY_INVALID', { path, why }, { cause });
  };
  const text = await readFile(path, 'utf8').catch((error: unknown) => refuse((error as Error).message, error));
  const { mode } = await stat(path);
  if (mode & 0o077) refuse(`others may read it (mode ${(mode & 0o777).toString(8)}); run chmod 600 on it`);
  if (!/^[0-9a-fA-F]{64}\s*$/.test(text)) refuse('it is not 64 hex digits');
  return Buffer.from(text.trim(), 'hex');
}

/** The first server on a database leaves a mark of its key; any later one must make the same. */
export async function checkVaultKey(db: Db, key: Buffer): Promise<void> {
  const mark = createHmac('sha256', key).update('lastember vault key').digest();
  await sql`insert into platform.vault_key (id, mark) values (1, ${mark}) on conflict do nothing`.execute(db);
  const { rows } = await sql<{ mark: Buffer }>`select mark from platform.vault_key`.execute(db);
  if (!rows[0] || !timingSafeEqual(rows[0].mark, mark)) throw new AppError('VAULT_KEY_OTHER');
}
