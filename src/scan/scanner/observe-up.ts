import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sighting } from '../../model/estate.ts';
import { guessOf } from '../logic/device.ts';
import { readArp } from '../logic/ping.ts';
import { someOf, subnetOf } from '../logic/subnets.ts';
import { type Neighbours, reallyUp, toJudge, type Up, WHOLE } from '../logic/up.ts';
import type { Guard } from './guard.ts';

const ANSWER_MS = 1000;
const TRIES = 2;
/** The kernel goes on for 5 s with what it believed of a neighbour, and then asks three times, a second each. */
const ARP_FORGETS_MS = 9000;

/** The kernel's own table of neighbours; empty where there is none. */
export const readNeighbours = async (): Promise<Map<string, string>> =>
  readArp(await readFile('/proc/net/arp', 'utf8').catch(() => ''));

export interface UpAsking {
  signal: AbortSignal;
  neighbours: Neighbours;
  /** of these addresses, where hosts are known already: something may answer for all, they are there all the same */
  known: ReadonlySet<string>;
  /** who was in the table before this run sent anything: old news, until the kernel has asked again */
  before: ReadonlySet<string>;
}

/**
 * Which of these addresses, where no port is open, are up all the same: by their answer to a ping, and by the kernel's
 * table of neighbours, which our tries have filled for our own subnets. Neither need be there.
 */
export async function whoIsUp(
  guard: Guard,
  addresses: readonly string[],
  asking: UpAsking,
): Promise<{ up: Up[]; bogus: number }> {
  if (!guard.ping) return { up: [], bogus: 0 };
  const { neighbours, known } = asking;
  // We answer ourselves whatever can be reached from outside.
  const ours = new Set(Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((one) => one.address)));
  const others = addresses.filter((address) => !ours.has(address));
  const up = await askAll(guard, others, asking);
  const answered = new Set(up.map(({ address }) => address));
  const strange = new Set([...answered].filter((address) => !known.has(address)).map(subnetOf));
  for (const subnet of toJudge(neighbours, others, answered)) {
    if (!strange.has(subnet)) continue;
    const all = someOf(subnet, (address) => guard.allows(address) && !ours.has(address));
    neighbours.whole.set(subnet, all.length >= WHOLE && (await allAnswer(guard, all, answered, asking)));
  }
  return reallyUp(neighbours, up, known);
}

/** A few, and only when those answer the others. */
async function allAnswer(guard: Guard, all: readonly string[], answered: ReadonlySet<string>, asking: UpAsking) {
  const rest = all.filter((address) => !answered.has(address));
  for (const some of [rest.slice(0, WHOLE), rest.slice(WHOLE)])
    if ((await askAll(guard, some, asking)).length < some.length) return false;
  return true;
}

async function askAll(guard: Guard, addresses: readonly string[], { signal, before }: UpAsking): Promise<Up[]> {
  if (addresses.length === 0) return [];
  const answered = new Map<string, { ttl: number | undefined }>();
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const silent = addresses.filter((address) => !answered.has(address));
    for (const [address, answer] of await guard.ping!(silent, { timeoutMs: ANSWER_MS, signal }))
      answered.set(address, answer);
  }
  const arp = await readNeighbours();
  if (addresses.some((address) => !answered.has(address) && arp.has(address) && before.has(address))) {
    await sleep(ARP_FORGETS_MS, undefined, { signal });
    const now = await readNeighbours();
    for (const address of before) if (!now.has(address)) arp.delete(address);
  }
  return addresses.flatMap((address): Up[] => {
    const [echo, mac] = [answered.get(address), arp.get(address)];
    if (echo) return [{ address, how: 'icmp', mac, ttl: echo.ttl }];
    return mac !== undefined && guard.allows(address) ? [{ address, how: 'arp', mac }] : [];
  });
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
