import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** 127.74.14.10 as /proc/net/tcp writes it: the network-order bytes as one little-endian number. */
export function hexAddress(address: string): string {
  return address
    .split('.')
    .reverse()
    .map((part) => Number(part).toString(16).toUpperCase().padStart(2, '0'))
    .join('');
}

/** The machine's socket table by local address; each part has its header. */
export function tablesByAddress(table: string): (address: string) => string {
  const [header = '', ...lines] = table.split('\n');
  const own = Map.groupBy(lines, (line) => /^\s*\d+: ([0-9A-F]{8}):/.exec(line)?.[1]);
  return (address) => [header, ...(own.get(hexAddress(address)) ?? []), ''].join('\n');
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
  const hosts = new Map<string, Place & { written: string }>();
  const tick = (): void => {
    if (hosts.size === 0) return;
    const tableOf = tablesByAddress(readFileSync('/proc/net/tcp', 'utf8'));
    for (const host of hosts.values()) {
      const now = tableOf(host.address);
      if (now === host.written) continue;
      write(host.root, now);
      host.written = now;
    }
  };
  const timer = setInterval(tick, TICK_MS);
  return {
    add: (host) => {
      mkdirSync(join(host.root, 'proc/net'), { recursive: true });
      hosts.set(host.root, { ...host, written: '' });
      tick();
    },
    remove: (root) => void hosts.delete(root),
    stop: () => clearInterval(timer),
  };
}

function write(root: string, table: string): void {
  writeFileSync(join(root, 'proc/net/.tcp.new'), table);
  renameSync(join(root, 'proc/net/.tcp.new'), join(root, 'proc/net/tcp'));
}
