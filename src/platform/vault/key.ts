import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../../model/errors/index.ts';
import type { Config } from '../config/index.ts';

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
