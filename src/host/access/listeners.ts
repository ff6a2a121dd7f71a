import { readText, type Host } from '../host.ts';

export interface Listener {
  address: string;
  port: number;
}

/** Where sshd listens by its settings: every ListenAddress with a port of its own or with each Port. */
export function listenersOf(settings: Readonly<Record<string, string>>): Listener[] {
  const ports = (settings['port'] ?? '22').split(/\s+/).map(Number);
  const addresses = (settings['listenaddress'] ?? '0.0.0.0').split(/\s+/).filter(Boolean);
  const found = addresses.flatMap((text) => {
    const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text);
    const address = match?.[1] ?? match?.[2] ?? text;
    return (match?.[3] === undefined ? ports : [Number(match[3])]).map((port) => ({ address, port }));
  });
  return [...new Map(found.map((one) => [nameOf(one), one])).values()];
}

export const nameOf = ({ address, port }: Listener): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

/** Where to knock for a listener: one on all addresses is met at home. Null: this host has no IPv6 at all. */
export async function doorOf(host: Host, { address, port }: Listener): Promise<Listener | null> {
  if (address === '0.0.0.0' || address === '*') return { address: '127.0.0.1', port };
  if (address !== '::') return { address, port };
  const loopback = '00000000000000000000000000000001';
  return ((await readText(host, '/proc/net/if_inet6').catch(() => null)) ?? '').includes(loopback)
    ? { address: '::1', port }
    : null;
}
