import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** 127.74.14.10 as /proc/net/tcp writes it: the network-order bytes as one little-endian number. */
export function hexAddress(address: string): string {
  return address
    .split('.')
    .reverse()
    .map((part) => Number(part).toString(16).toUpperCase().padStart(2, '0'))
    .join('');
}

/**
 * The machine's socket table by local address; each part has its header. Only what changes when a socket opens or
 * closes: closed connections that the kernel still remembers (06, TIME_WAIT) are left out and the columns of timers and
 * counters stand at zero, or the table would be another one at every reading.
 */
export function tablesByAddress(table: string): (address: string) => string {
  const [header = '', ...lines] = table.split('\n');
  const own = Map.groupBy(lines, (line) => /^\s*\d+: ([0-9A-F]{8}):/.exec(line)?.[1]);
  return (address) => {
    const rows = (own.get(hexAddress(address)) ?? []).map((line) => line.trim().split(/\s+/));
    const open = rows.filter(([, , , state]) => state !== '06');
    return [header, ...open.map(settledRow), ''].join('\n');
  };
}

function settledRow([, local, peer, state, , , , uid, , inode]: string[], index: number): string {
  return `${String(index).padStart(4)}: ${local} ${peer} ${state} 00000000:00000000 00:00000000 00000000 ${uid} 0 ${inode}`;
}

const TICK_MS = 250;

interface Place {
  root: string;
  address: string;
}

/**
 * Keeps ROOT/proc/net/tcp of every host to the sockets of the host's own address. One reader for all of them: the
 * kernel walks its whole table at each reading, which takes milliseconds on a machine with much memory.
 */
export function keepSockets(): { add(host: Place): void; remove(root: string): void; stop(): void } {
  const hosts = new Map<string, Place>();
  const timer = setInterval(() => {
    if (hosts.size > 0) writeSockets(hosts.values());
  }, TICK_MS);
  return {
    add: (host) => {
      hosts.set(host.root, host);
      writeSockets([host]);
    },
    remove: (root) => void hosts.delete(root),
    stop: () => clearInterval(timer),
  };
}

/** Of each file that we wrote: what, and as which inode. Somebody else's newer one has another. */
const WRITTEN = new Map<string, { table: string; inode: number }>();

/** The tables of these hosts as of now. A host calls it itself when a service of its own has started or ended. */
export function writeSockets(hosts: Iterable<Place>): void {
  const tableOf = tablesByAddress(readFileSync('/proc/net/tcp', 'utf8'));
  for (const { root, address } of hosts) {
    const file = join(root, 'proc/net/tcp');
    const table = tableOf(address);
    const before = WRITTEN.get(file);
    if (before?.table === table && statSync(file, { throwIfNoEntry: false })?.ino === before.inode) continue;
    mkdirSync(join(root, 'proc/net'), { recursive: true });
    // Two may write at once: each its own, and the last one to rename stands.
    const fresh = join(root, `proc/net/.tcp.${process.pid}`);
    writeFileSync(fresh, table);
    WRITTEN.set(file, { table, inode: statSync(fresh).ino });
    renameSync(fresh, file);
  }
}
