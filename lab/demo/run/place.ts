import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDir } from '../cache.ts';

const PREFIX = 'lastember-demo-';

/** Where one run of the demo works: thrown away at its end, or by the next run when it was killed. */
export function workDir(): string {
  // Started by root, the embedded PostgreSQL runs as another user, who must be able to pass through.
  const isRoot = process.getuid?.() === 0;
  const parent = isRoot ? tmpdir() : cacheDir();
  sweep(parent);
  const dir = mkdtempSync(join(parent, PREFIX));
  if (isRoot) chmodSync(dir, 0o711);
  writeFileSync(join(dir, 'pid'), `${process.pid}\n`);
  return dir;
}

/** What runs left behind that nobody could end in order. */
function sweep(parent: string): void {
  for (const name of readdirSync(parent).filter((each) => each.startsWith(PREFIX))) {
    const pid = pidOf(join(parent, name));
    if (pid !== null && !existsSync(`/proc/${pid}`)) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function pidOf(dir: string): number | null {
  try {
    return Number(readFileSync(join(dir, 'pid'), 'utf8'));
  } catch {
    return null;
  }
}

/** Where a run leaves what people read: kept, and replaced by the next run. */
export function outDir(): string {
  const dir = join(cacheDir(), 'demo');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return dir;
}
