/** Brings hosts up: what is already there stays as it is. */
import { mkdirSync, writeFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { findArchive, type Archive } from './archive.ts';
import { find } from './found.ts';
import { HOSTS } from './hosts.ts';
import { makeLayer } from './layers.ts';
import { startMirror } from './mirror-start.ts';
import { makeBridges, makeHostNetwork } from './network.ts';
import { mountsBelow } from './found.ts';
import { namespaceOf, type Place } from './place.ts';
import { makeRootfs } from './rootfs.ts';
import { writeSeed } from './seed.ts';
import type { HostSpec } from './spec.ts';
import { startHost, findInit } from './start.ts';
import { lock, openRun, readState, writeState, type State } from './state.ts';

export interface UpOptions {
  hosts: readonly HostSpec[];
  say: (line: string) => void;
}

export const keyPath = (place: Place): string => join(place.run, 'key');

export async function up(place: Place, options: UpOptions): Promise<void> {
  openRun(place);
  const unlock = lock(place);
  try {
    const archive = await findArchive();
    const note = notes(place);
    const wanted = options.hosts.filter((spec) => findInit(place, spec.name) === null);
    const lowers = await makeLowers(place, archive, wanted, options.say);
    const publicKey = makeKey(place);
    note('network');
    await makeBridges(place);
    note('mirror');
    await startMirror(place, archive);
    for (const spec of wanted) {
      note(`network of ${spec.name}`, spec.name);
      if (find(place).namespaces.includes(namespaceOf(place, spec.name)))
        throw new Error(`${spec.name} has ended and left its namespace. npm run lab -- down clears it.`);
      await makeHostNetwork(place, spec);
      writeSeed(place, { spec, neighbours: HOSTS, publicKey, archive });
    }
    note('starting hosts');
    await inTurns(wanted, 4, async (spec) => {
      const started = performance.now();
      await startHost(place, spec, lowers.get(spec.name)!);
      options.say(`${spec.name} is up (${seconds(started)})`);
    });
    note(null);
  } finally {
    unlock();
  }
}

async function makeLowers(
  place: Place,
  archive: Archive,
  hosts: readonly HostSpec[],
  say: (line: string) => void,
): Promise<Map<string, string[]>> {
  const lowers = new Map<string, string[]>();
  for (const spec of hosts) {
    const started = performance.now();
    const rootfs = await makeRootfs(place, archive, spec.release, () => say(`making ${spec.release}`));
    const layer = await makeLayer(place, spec, rootfs, () => say(`installing what ${spec.name} needs`));
    lowers.set(spec.name, layer === null ? [rootfs] : [layer, rootfs]);
    if (performance.now() - started > 1000) say(`made (${seconds(started)})`);
  }
  return lowers;
}

function notes(place: Place): (doing: string | null, host?: string) => void {
  const before = readState(place);
  const state: State = before ?? {
    name: place.name,
    doing: null,
    hosts: [],
    madeNetnsMount: !mountsBelow('/run/netns').includes('/run/netns'),
  };
  return (doing, host) => {
    state.doing = doing;
    if (host && !state.hosts.includes(host)) state.hosts.push(host);
    writeState(place, state);
  };
}

/** One key for all hosts of this lab, made anew with each. Returns the public half as authorized_keys has it. */
function makeKey(place: Place): string {
  const path = keyPath(place);
  if (!existsSync(`${path}.pub`)) {
    const { private: secret, public: open } = ssh2.utils.generateKeyPairSync('ed25519', { comment: place.name });
    mkdirSync(place.run, { recursive: true });
    writeFileSync(path, `${secret.trimEnd()}\n`, { mode: 0o600 });
    writeFileSync(`${path}.pub`, `${open}\n`);
  }
  return readFileSync(`${path}.pub`, 'utf8').trim();
}

async function inTurns<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;
