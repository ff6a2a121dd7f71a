/** Brings hosts up: what is already there stays as it is. */
import { mkdirSync, writeFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findArchive } from './archive.ts';
import { makeBuilt } from './built/index.ts';
import { find, mountsBelow } from './found.ts';
import { HOSTS } from './hosts.ts';
import { makeLowers } from './layers.ts';
import { startMachine } from './machine/start.ts';
import { whyNoMachine } from './machine/why-not.ts';
import { startMirror } from './mirror/start.ts';
import { makeBridges, makeHostNetwork } from './network.ts';
import { namespaceOf, type Place } from './place.ts';
import { makeRootfs, rootfsDir } from './rootfs.ts';
import { writeSeed } from './seed.ts';
import type { HostSpec } from './spec.ts';
import { startHost, findInit } from './start.ts';
import { lock, openRun, readState, writeState, type State } from './state.ts';
import { newSshKey } from '../../src/host/ssh/testing/keys.ts';

export interface UpOptions {
  hosts: readonly HostSpec[];
  say: (line: string) => void;
}

export const keyPath = (place: Place): string => join(place.run, 'key');

export async function up(place: Place, options: UpOptions): Promise<void> {
  const reason = options.hosts.some(({ machine }) => machine) ? whyNoMachine(process.env) : null;
  if (reason !== null) throw new Error(reason);
  openRun(place);
  const unlock = lock(place);
  try {
    const archive = await findArchive();
    const note = notes(place);
    const wanted = options.hosts.filter((spec) => findInit(place, spec.name) === null);
    for (const release of new Set(wanted.map((spec) => spec.release))) {
      note(`making ${release}`);
      await timed(options.say, `made ${release}`, () => makeRootfs(place, archive, release));
    }
    const publicKey = makeKey(place);
    note('network');
    await makeBridges(place);
    note('mirror');
    await startMirror(place, archive);
    const lowers = new Map<string, string[]>();
    for (const spec of wanted) {
      note(`packages of ${spec.name}`);
      await timed(options.say, `installed what ${spec.name} needs`, async () => {
        const below = await makeLowers(place, archive, spec);
        for (const name of spec.built ?? []) below.unshift(await makeBuilt(place, archive, name));
        lowers.set(spec.name, below);
      });
    }
    for (const spec of wanted) {
      note(`network of ${spec.name}`, spec.name);
      if (find(place).namespaces.includes(namespaceOf(place, spec.name)))
        throw new Error(`${spec.name} has ended and left its namespace. npm run lab -- down clears it.`);
      await makeHostNetwork(place, spec);
      writeSeed(place, { spec, neighbours: HOSTS, publicKey, archive, rootfs: rootfsDir(place, spec.release) });
    }
    note('starting hosts');
    await inTurns(wanted, 4, async (spec) => {
      const started = performance.now();
      await (spec.machine ? startMachine : startHost)(place, spec, lowers.get(spec.name)!);
      options.say(`${spec.name} is up (${seconds(started)})`);
    });
    note(null);
  } finally {
    unlock();
  }
}

/** Says so when it took long: then it was made, and not found in the cache. */
async function timed<T>(say: (line: string) => void, what: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work();
  if (performance.now() - started > 1000) say(`${what} (${seconds(started)})`);
  return result;
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
    const { private: secret, public: open } = newSshKey({ comment: place.name });
    mkdirSync(place.run, { recursive: true });
    writeFileSync(path, `${secret.trimEnd()}\n`, { mode: 0o600 });
    writeFileSync(`${path}.pub`, `${open}\n`);
  }
  return readFileSync(`${path}.pub`, 'utf8').trim();
}

/** All are tried; the first that failed is told of when none is under way. */
async function inTurns<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const failed: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift())
      await work(item).catch((error: unknown) => failed.push(error));
  };
  await Promise.all(Array.from({ length: width }, worker));
  if (failed.length > 0) throw failed[0];
}

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;
