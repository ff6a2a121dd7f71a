import type { Asking, SourceRecord } from '../contract.ts';
import { Device, type Login } from './session.ts';
import { type DeviceTold, type Neighbour, readDevice } from './tables.ts';

export interface Leash {
  seeds: readonly string[];
  /** how far from a seed devices are asked; 0: the seeds alone */
  hops: number;
  most: number;
  /** may this neighbour be asked, too, and so be shown the login? Seeds always may. */
  follows(address: string): boolean;
  /** how many neighbours of one device count */
  neighbours: number;
  port: number;
  login: Login;
  /** after so long nobody else is asked, and what was told counts */
  ms: number;
}

interface Asked extends DeviceTold {
  address: string;
}

/**
 * Asks the seeds, then who stands next to them and speaks LLDP, CDP or BGP, and so on, as far as the leash reaches. Who
 * only has an entry in an ARP table is told of and never asked.
 */
export async function crawl(asking: Asking, leash: Leash): Promise<SourceRecord[]> {
  const asked: Asked[] = [];
  const own = new Set<string>();
  const seen = new Set<string>(leash.seeds);
  const strangers = new Set<string>();
  const until = performance.now() + leash.ms;
  let next = [...leash.seeds];
  const enough = (): string | null => {
    if (asked.length >= leash.most) return `device beyond the first ${leash.most}`;
    return performance.now() >= until ? 'device that there was no time left to ask' : null;
  };
  for (let hop = 0; hop <= leash.hops && next.length > 0; hop++) {
    const found = new Set<string>();
    for (const address of next) {
      // A device that is known by another of its addresses already.
      if (own.has(address)) continue;
      const why = enough();
      if (why !== null) {
        asking.skip(why);
        continue;
      }
      const all = await askDevice(asking, leash, address, hop === 0);
      if (!all) continue;
      const told = within(asking, leash, all);
      asked.push({ ...told, address });
      for (const one of told.addresses) own.add(one);
      for (const near of speakersOf(told)) (leash.follows(near) ? found : strangers).add(near);
    }
    next = [...found].filter((address) => !seen.has(address));
    for (const address of next) seen.add(address);
  }
  const left = [...strangers].filter((one) => !own.has(one) && !seen.has(one));
  left.forEach(() => asking.skip(LEFT));
  if (next.length > 0) asking.skip(`device further away than ${leash.hops} hops`);
  return recordsOf(asking, asked);
}

/** A device tells whatever it likes: those who speak for themselves come first, and what is too much does not count. */
function within(asking: Asking, { neighbours: most }: Leash, told: DeviceTold): DeviceTold {
  for (let n = most; n < told.neighbours.length; n++) asking.skip(`neighbour beyond the first ${most} of a device`);
  return { ...told, neighbours: told.neighbours.slice(0, most) };
}

const LEFT = 'neighbour that `follow` does not cover, so it was not asked';
const speakersOf = ({ neighbours }: DeviceTold): string[] =>
  neighbours.filter(({ how }) => how !== 'ARP').flatMap(({ addresses }) => addresses);

/** null: it was not asked, or says nothing. A seed that cannot be asked is a failure of the source. */
async function askDevice(asking: Asking, leash: Leash, address: string, isSeed: boolean): Promise<DeviceTold | null> {
  try {
    return await asking.look(address, async (guard) => {
      const device = new Device(guard, address, leash.port, leash.login, asking.signal);
      try {
        return await readDevice(device);
      } finally {
        device.close();
      }
    });
  } catch (error) {
    asking.signal.throwIfAborted();
    const why = error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
    if (isSeed) throw new Error(`${address} could not be asked by SNMP: ${why}`, { cause: error });
    asking.skip('neighbour that could not be asked by SNMP');
    return null;
  }
}

/** Devices with their addresses, and each neighbour once for each place and MAC that it was seen at. */
function recordsOf(asking: Asking, asked: readonly Asked[]): SourceRecord[] {
  const claims = Map.groupBy(asked.flatMap(ownOf), (address) => address);
  const devices = asked.map((device) => {
    // Two devices with one address are a pair that fails over to it, or two private networks: it is neither’s own.
    const own = ownOf(device).filter((address) => claims.get(address)!.length === 1);
    if (own.length < ownOf(device).length) asking.skip('address that two devices claim');
    return deviceRecord(device, own);
  });
  const neighbours = new Map<string, SourceRecord>();
  for (const device of asked) {
    for (const neighbour of device.neighbours) {
      if (neighbour.addresses.length === 0) asking.skip('neighbour that tells no address');
      for (const address of neighbour.addresses.filter((one) => !claims.has(one))) {
        const key = `${address}${neighbour.mac === null ? '' : `/${neighbour.mac}`}`;
        neighbours.set(key, together(neighbours.get(key), neighbourRecord(key, device, neighbour, address)));
      }
    }
  }
  return [...devices, ...neighbours.values()];
}

const ownOf = ({ address, addresses }: Asked): string[] => [...new Set([address, ...addresses])];

const deviceRecord = ({ address, name, system }: Asked, own: string[]): SourceRecord => ({
  id: `device/${address}`,
  addresses: own.length > 0 ? own : [address],
  name: name ?? undefined,
  guess: system ?? 'network device',
  evidence: { snmp: `answers at ${address}` },
});

function neighbourRecord(
  id: string,
  device: Asked,
  { how, mac, name, system, port }: Neighbour,
  address: string,
): SourceRecord {
  const seenFrom = `${device.name ?? device.address}${port === null ? '' : `, its port ${port}`}`;
  return {
    id,
    addresses: [address],
    name: name ?? undefined,
    guess: system ?? undefined,
    identifiers: mac === null ? [] : [{ kind: 'mac', value: mac }],
    evidence: { [how]: seenFrom },
  };
}

/** What was told first counts; all who saw it are named. */
const together = (before: SourceRecord | undefined, { name, guess, ...now }: SourceRecord): SourceRecord => ({
  ...now,
  name: before?.name ?? name,
  guess: before?.guess ?? guess,
  evidence: { ...before?.evidence, ...now.evidence },
});
