import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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

/** 127.74.14.10 as /proc/net/tcp writes it: the network-order bytes as one little-endian number. */
export function hexAddress(address: string): string {
  return address
    .split('.')
    .reverse()
    .map((part) => Number(part).toString(16).toUpperCase().padStart(2, '0'))
    .join('');
}

/** The lines of the machine's socket table that belong to one address. */
export function socketsOf(table: string, address: string): string {
  const [header = '', ...lines] = table.split('\n');
  const own = `${hexAddress(address)}:`;
  return [header, ...lines.filter((line) => line.trim().split(/\s+/, 2)[1]?.startsWith(own)), ''].join('\n');
}

/** Reading the socket table makes the kernel walk all of it: often while something happens, seldom otherwise. */
const TICK_MS = 250;
const BUSY_MS = 2000;
const IDLE_MS = 1500;

/**
 * Keeps ROOT/proc like that of a machine of its own: links to the /proc entries of the host's own processes, and the
 * sockets of the host's own address. Call `refresh` after anything that should be seen at once.
 */
export function keepProc(machine: Machine): { refresh(): void; stop(): void } {
  const proc = join(machine.root, 'proc');
  mkdirSync(join(proc, 'net'), { recursive: true });
  let sockets = '';
  let readAt = 0;
  let busyUntil = 0;
  const linkProcesses = (): void => {
    const pids = new Set(processTree(process.pid).map(String));
    for (const name of readdirSync(proc)) {
      if (!/^\d+$/.test(name)) continue;
      if (!pids.delete(name)) rmSync(join(proc, name), { force: true });
    }
    for (const pid of pids) symlinkSync(`/proc/${pid}`, join(proc, pid));
  };
  const writeSockets = (): void => {
    readAt = Date.now();
    const now = socketsOf(readFileSync('/proc/net/tcp', 'utf8'), machine.address);
    if (now === sockets) return;
    writeFileSync(join(proc, 'net/.tcp.new'), now);
    renameSync(join(proc, 'net/.tcp.new'), join(proc, 'net/tcp'));
    sockets = now;
  };
  const tick = (): void => {
    linkProcesses();
    if (Date.now() < busyUntil || Date.now() - readAt >= IDLE_MS) writeSockets();
  };
  const refresh = (): void => {
    busyUntil = Date.now() + BUSY_MS;
    tick();
  };
  refresh();
  const timer = setInterval(tick, TICK_MS);
  return { refresh, stop: () => clearInterval(timer) };
}
