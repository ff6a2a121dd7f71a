import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import type { Sighting } from '../../model/estate.ts';
import { guessOf } from '../logic/device.ts';
import { readArp } from '../logic/ping.ts';
import { reallyUp, type Up } from '../logic/up.ts';
import type { Guard } from './guard.ts';

const ANSWER_MS = 1000;
const TRIES = 2;

/**
 * Which of these addresses, where no port is open, are up all the same: by their answer to a ping, and by the kernel's
 * table of neighbours, which our tries have filled for our own subnets. Neither need be there.
 */
export async function whoIsUp(
  guard: Guard,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<{ up: Up[]; bogus: number }> {
  if (!guard.ping) return { up: [], bogus: 0 };
  // We answer ourselves whatever can be reached from outside.
  const ours = new Set(Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((one) => one.address)));
  const others = addresses.filter((address) => !ours.has(address));
  const answered = new Map<string, { ttl: number | undefined }>();
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const silent = others.filter((address) => !answered.has(address));
    for (const [address, answer] of await guard.ping(silent, { timeoutMs: ANSWER_MS, signal }))
      answered.set(address, answer);
  }
  const arp = readArp(await readFile('/proc/net/arp', 'utf8').catch(() => ''));
  const up = others.flatMap((address): Up[] => {
    const [echo, mac] = [answered.get(address), arp.get(address)];
    if (echo) return [{ address, how: 'icmp', mac, ttl: echo.ttl }];
    return mac !== undefined && guard.allows(address) ? [{ address, how: 'arp', mac }] : [];
  });
  return reallyUp(others, up);
}

const HOW = { icmp: 'answers a ping', arp: 'answers ARP' };

/** Somebody is there, and nothing of what it serves is known. A network card is no identity here: it may be a router's. */
export function sightingOfUp({ address, how, mac, ttl }: Up, at: Date): Sighting {
  const kind = guessOf({ endpoints: [], macs: mac === undefined ? [] : [mac], ttl });
  return {
    source: 'scan',
    address,
    at: at.toISOString(),
    identifiers: [],
    evidence: {
      up: how,
      ...(mac === undefined ? {} : { mac }),
      ...(ttl === undefined ? {} : { ttl }),
      guess: [kind, `${HOW[how]}, no open port seen`].filter(Boolean).join('; '),
    },
  };
}
