import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDir } from '../cache.ts';

/** Where one run of the demo works: thrown away at its end. */
export function workDir(): string {
  if (process.getuid?.() !== 0) return mkdtempSync(join(cacheDir(), 'demo-'));
  // Started by root, the embedded PostgreSQL runs as another user, who must be able to pass through.
  const dir = mkdtempSync(join(tmpdir(), 'lastember-demo-'));
  chmodSync(dir, 0o711);
  return dir;
}

/** Where a run leaves what people read: kept, and replaced by the next run. */
export function outDir(): string {
  const dir = join(cacheDir(), 'demo');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return dir;
}
