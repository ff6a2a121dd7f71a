import { readText, type Host } from './host.ts';
import { readTcp } from './proc/net.ts';
import { hostKeyFingerprints } from './settings/host-keys.ts';

export interface HostIdentity {
  hostname: string;
  machineId: string | null;
  addresses: string[];
  /** `SHA256:…` as ssh-keygen prints them */
  sshHostKeys: string[];
}

/** How a machine can be recognised from outside, read from its own files. */
export async function readIdentity(host: Host): Promise<HostIdentity> {
  return {
    hostname: (await line(host, '/etc/hostname')) ?? (await line(host, '/proc/sys/kernel/hostname')) ?? 'unknown',
    machineId: await line(host, '/etc/machine-id'),
    addresses: await addressesOf(host),
    sshHostKeys: await hostKeyFingerprints(host),
  };
}

async function line(host: Host, path: string): Promise<string | null> {
  return (await readText(host, path, 4096))?.split('\n')[0]?.trim() || null;
}

/** Addresses of its interfaces, and those that its services bind to by name. Every machine has 127.0.0.x and ::1. */
async function addressesOf(host: Host): Promise<string[]> {
  const trie = (await readText(host, '/proc/net/fib_trie')) ?? '';
  const local = [...trie.matchAll(/\|-- (\S+)\n\s+\/32 host LOCAL/g)].map((match) => match[1]!);
  const six = ((await readText(host, '/proc/net/if_inet6')) ?? '').split('\n').flatMap((row) => {
    const [hex = '', , , scope] = row.trim().split(/\s+/);
    // scope 00: global; link-local addresses are the same on every wire
    return hex.length === 32 && scope === '00'
      ? [new URL(`http://[${hex.match(/.{4}/g)!.join(':')}]/`).hostname.slice(1, -1)]
      : [];
  });
  const bound = (await readTcp(host)).filter((row) => row.state === 'listen').map((row) => row.localAddress);
  const common = /^(?:127\.0\.0\.\d+|0\.0\.0\.0|::1?)$/;
  return [...new Set([...local, ...six, ...bound])].filter((address) => !common.test(address)).sort();
}
