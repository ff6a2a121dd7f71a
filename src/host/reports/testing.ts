import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const DATA = join(import.meta.dirname, '../../../../shared/data/scap');

/** A real result file; null, and the test is skipped, where it is not on this machine. */
export function sharedScap(t: TestContext, name: string): string | null {
  const path = join(DATA, name);
  if (!fs.existsSync(path)) {
    t.skip(`${name} is not on this machine`);
    return null;
  }
  return name.endsWith('.xz')
    ? execFileSync('xz', ['-dc', path], { maxBuffer: 64 * 1024 * 1024, encoding: 'utf8' })
    : fs.readFileSync(path, 'utf8');
}
