import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sighting } from '../src/model/estate.ts';
import { systemActor } from '../src/model/actor.ts';
import { createDiscovery } from '../src/loop/discovery/index.ts';
import { createPlatform, loadConfig, type RunningPlatform } from '../src/platform/index.ts';
import { createLog } from '../src/platform/log/index.ts';
import type { Bench, Measured } from './contract.ts';
import { costLine, startCounting } from './database-cost.ts';

const PER_HOST = 10;
const BATCH = 1000;
/** Scans that run at once, each of its own part of the estate: what two workers, or the scanners of two sites, report. */
const LANES = 2;
/** A million within a minute. */
const BAR = 1_000_000 / 60;
const figures: string[] = [];

const addressOf = (host: number): string => `10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`;

/** One scan of these hosts; between two of them one host in a hundred has moved on to another's former place. */
function* sightings(from: number, hosts: number, round: number): Generator<Sighting> {
  const at = new Date(Date.UTC(2026, 0, 1 + round)).toISOString();
  for (let place = from; place < hosts; place++) {
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

function* batches(all: Iterable<Sighting>): Generator<Sighting[]> {
  let batch: Sighting[] = [];
  for (const sighting of all) {
    batch.push(sighting);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function once(platform: RunningPlatform, hosts: number): Promise<number> {
  const discovery = createDiscovery(platform);
  let most = 0;
  const share = Math.ceil(hosts / LANES / 2) * 2;
  const lane = async (round: number, from: number): Promise<void> => {
    for (const batch of batches(sightings(from, Math.min(hosts, from + share), round))) {
      await platform.observe(systemActor('bench'), (tx) => discovery.recordSightings(tx, batch));
      most = Math.max(most, process.memoryUsage.rss());
    }
  };
  const scan = async (round: number): Promise<void> => {
    await Promise.all(Array.from({ length: LANES }, (_, index) => lane(round, index * share)));
  };
  const first = await startCounting(platform);
  await scan(0);
  const arrival = await first();
  const rest = await startCounting(platform);
  for (let round = 1; round < PER_HOST; round++) await scan(round);
  const again = await rest();
  const found = (await discovery.hosts()).length;
  if (found !== hosts) throw new Error(`${hosts} machines became ${found} hosts`);
  const seconds = arrival.seconds + again.seconds;
  const count = (n: number): string => n.toLocaleString('en');
  figures.push(
    `${count(hosts * PER_HOST)} sightings of ${count(hosts)} hosts: ${seconds.toFixed(1)} s, ${Math.round(most / 1024 / 1024)} MB of this process at most`,
    `new hosts: ${costLine(arrival, hosts)}`,
    `seen again: ${costLine(again, hosts * (PER_HOST - 1))}`,
  );
  return (hosts * PER_HOST) / seconds;
}

/** A database of its own, with the settings that `up` has: every batch is on the disk when it is acknowledged. */
export async function withEmbedded<T>(use: (platform: RunningPlatform) => Promise<T>): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), 'lastember-bench-'));
  try {
    const platform = await createPlatform(loadConfig({ LASTEMBER_DATA_DIR: dataDir }), createLog('silent'));
    try {
      return await use(platform);
    } finally {
      await platform.close();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** One round, however many are asked for: it takes its minute. */
export const reconcile: Bench = {
  name: 'reconcile',
  claim: 'a million sightings of 100,000 hosts within a minute (peer: that pace), each machine one host',
  target: 1,
  figures: () => figures,
  missing: () => null,
  run: async (_, size): Promise<Measured[]> => {
    const hosts = size < 100 ? size * 100 : size * 1000;
    return [{ ours: await withEmbedded((platform) => once(platform, hosts)), peer: BAR }];
  },
};
