import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The name under which something is made before it gets its final one: what has its final name is complete. The number
 * at its end is the process that makes it; what those left that were killed is removed.
 */
export function partialOf(final: string): string {
  const directory = dirname(final);
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  for (const name of readdirSync(directory)) {
    const pid = /\.partial-(\d+)$/.exec(name)?.[1];
    if (pid && !existsSync(`/proc/${pid}`)) rmSync(join(directory, name), { recursive: true, force: true });
  }
  return `${final}.partial-${process.pid}`;
}
