import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from './machine.ts';

/** The host's own processes: the supervisor and everything below it. */
export function processTree(root: number): number[] {
  const found = [root];
  for (const pid of found) found.push(...children(pid));
  return found;
}

function children(pid: number): number[] {
  try {
    // Of its first thread only: nothing on a demo host starts programs from another one, and Node has a dozen.
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    // The process ended while we looked.
    return [];
  }
}

const TICK_MS = 250;

/**
 * Keeps ROOT/proc like that of a machine of its own: links to the /proc entries of the host's own processes. Call
 * `refresh` after anything that should be seen at once. (Its sockets come from the estate, see `sockets.ts`.)
 */
export function keepProc(machine: Machine): { refresh(): void; stop(): void } {
  const proc = join(machine.root, 'proc');
  mkdirSync(proc, { recursive: true });
  const refresh = (): void => {
    const pids = new Set(processTree(process.pid).map(String));
    for (const name of readdirSync(proc)) {
      if (!/^\d+$/.test(name)) continue;
      if (!pids.delete(name)) rmSync(join(proc, name), { force: true });
    }
    for (const pid of pids) symlinkSync(`/proc/${pid}`, join(proc, pid));
  };
  refresh();
  const timer = setInterval(refresh, TICK_MS);
  return { refresh, stop: () => clearInterval(timer) };
}
