import type { Sighting } from '../src/model/estate.ts';
import { systemActor } from '../src/model/actor.ts';
import { createDiscovery } from '../src/loop/discovery/index.ts';
import { testPlatform } from '../src/platform/testing.ts';
import type { Bench, Measured } from './contract.ts';

const PER_HOST = 10;
const BATCH = 1000;
/** A million within a minute. */
const BAR = 1_000_000 / 60;
const figures: string[] = [];

const addressOf = (host: number): string => `10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`;

/** Rounds of a scan over all hosts; between two of them one host in a hundred has moved on to another's former place. */
function* sightings(hosts: number): Generator<Sighting> {
  for (let round = 0; round < PER_HOST; round++) {
    const at = new Date(Date.UTC(2026, 0, 1 + round)).toISOString();
    for (let place = 0; place < hosts; place++) {
      // Moves go in circles of two, so that addresses are handed on and not only left.
      const swaps = place % 200 < 2 && place + 1 - 2 * (place % 2) < hosts && round % 2 === 1;
      const host = swaps ? place + 1 - 2 * (place % 2) : place;
      yield {
        source: 'scan',
        address: addressOf(place),
        at,
        identifiers: [{ kind: 'ssh-host-key', value: `SHA256:host-${host}` }],
      };
    }
  }
}

async function once(hosts: number): Promise<number> {
  const platform = await testPlatform();
  try {
    const discovery = createDiscovery(platform);
    const began = performance.now();
    let batch: Sighting[] = [];
    let most = 0;
    const flush = async (): Promise<void> => {
      await platform.observe(systemActor('bench'), (tx) => discovery.recordSightings(tx, batch));
      batch = [];
      most = Math.max(most, process.memoryUsage.rss());
    };
    for (const sighting of sightings(hosts)) {
      batch.push(sighting);
      if (batch.length === BATCH) await flush();
    }
    if (batch.length > 0) await flush();
    const seconds = (performance.now() - began) / 1000;
    const found = (await discovery.hosts()).length;
    if (found !== hosts) throw new Error(`${hosts} machines became ${found} hosts`);
    figures.push(
      `${(hosts * PER_HOST).toLocaleString('en')} sightings of ${hosts.toLocaleString('en')} hosts: ${seconds.toFixed(1)} s, ${Math.round(most / 1024 / 1024)} MB of this process at most`,
    );
    return (hosts * PER_HOST) / seconds;
  } finally {
    await platform.close();
  }
}

/** One round, however many are asked for: it takes its minute. */
export const reconcile: Bench = {
  name: 'reconcile',
  claim: 'a million sightings of 100,000 hosts within a minute (peer: that pace), each machine one host',
  target: 1,
  figures: () => figures,
  missing: () => null,
  run: async (_, size): Promise<Measured[]> => [{ ours: await once(size < 100 ? size * 100 : size * 1000), peer: BAR }],
};
