import { AppError } from '../../model/errors/index.ts';
import type { OpenSslCopy } from '../../model/facts.ts';
import { copyIn, isLibrary, WORDS } from '../openssl/words.ts';
import { grep, placesOf, walk } from '../openssl/places.ts';
import { stampOf, type Stat } from '../host.ts';
import { isAnother, type MappedFile } from '../proc/maps.ts';
import type { Process } from '../proc/processes.ts';
import { by, each, type FactSection, type Look } from './look.ts';
import { ownFiles, packagesInUse, processes, userOf } from './running.ts';
import { database, packageOf, users } from './shared.ts';

const LARGEST = 512 * 1024 * 1024;
/** of what was not read before, in one look; the rest is read by the next ones, and unknown until then */
const BYTES_A_LOOK = 1024 * 1024 * 1024;
const FILES_A_COMMAND = 40;
const WALK_AGAIN_MS = 3_600_000;
/** In one look; over SSH a section has 45 seconds. What there was no time for is unknown, and the next look goes on with it. */
const WALKS_MS = 12_000;
const READS_MS = 20_000;

/** Milliseconds that are left; throws where none are. */
function timer(ms: number): () => number {
  const until = performance.now() + ms;
  return () => {
    const left = Math.ceil(until - performance.now());
    if (left <= 0) throw new AppError('HOST_COMMAND_TIMEOUT', { command: 'find or grep', seconds: ms / 1000 });
    return left;
  };
}

/** What lies here without a package is not ours to judge where nobody can tell packages, and in a container's tree. */
const SYSTEM = /^\/(?:usr\/(?!local\/)|lib|s?bin\/)/;

interface Candidate {
  /** as its users see it */
  path: string;
  /** as we reach it: a container's processes see another tree */
  at: string;
  usedBy: Set<string>;
  /** who executes from what was there before */
  stale: Set<string>;
  maps: { file: MappedFile; user: string }[];
  container: boolean;
}

type Told = ReturnType<typeof copyIn>;

/** Copies of OpenSSL that no package owns: no update of the distribution reaches them. */
export const openssl: FactSection<'openssl'> = {
  name: 'openssl',
  version: 1,
  async collect(look): Promise<OpenSslCopy[]> {
    const candidates = await running(look);
    const unread = await onDisk(look, candidates);
    const copies = await read(look, [...candidates.values()]);
    const places = unread.map((path): OpenSslCopy => ({ ...UNREAD, path, usedBy: [], stale: [], container: false }));
    return [...copies, ...places].sort(by((copy) => `${copy.path} ${copy.container}`));
  },
};

const UNREAD = { library: null, version: null, linked: null } as const;

/** Files that processes execute from and that no package owns. */
async function running(look: Look): Promise<Map<string, Candidate>> {
  const found = new Map<string, Candidate>();
  const owners = await packagesInUse(look);
  const isKnown = (await database(look)) !== null;
  for (const process of (await processes(look)).values()) {
    const user = await userOf(look, process);
    for (const path of ownFiles(process)) {
      const own = process.foreign || !isKnown ? !SYSTEM.test(path) : (owners.get(path) ?? null) === null;
      if (own) add(found, process, { path, user });
    }
  }
  return found;
}

function add(found: Map<string, Candidate>, process: Process, { path, user }: { path: string; user: string }): void {
  const container = process.foreign;
  // Containers have files of their own under the same name.
  const key = container ? `${path} ${inodeOf(process, path)}` : `${path} false`;
  const at = container ? `/proc/${process.pid}/root${path}` : path;
  const known = found.get(key) ?? { path, at, usedBy: new Set(), stale: new Set(), maps: [], container };
  found.set(key, known);
  known.usedBy.add(user);
  if (process.exe === path && process.exeDeleted) known.stale.add(user);
  for (const file of process.maps) if (file.executable && file.path === path) known.maps.push({ file, user });
}

function inodeOf(process: Process, path: string): string {
  const mapped = process.maps.find((file) => file.path === path);
  return mapped ? `${mapped.device} ${mapped.inode}` : `of ${process.pid}`;
}

/** Adds what lies where people put such things; returns places that could not be looked through. */
async function onDisk(look: Look, found: Map<string, Candidate>): Promise<string[]> {
  const unread: string[] = [];
  const paths = new Set<string>();
  const left = timer(WALKS_MS);
  for (const place of placesOf((await users(look)).map((user) => user.home))) {
    const walked = await walkSeldom(look, place, left).catch(() => null);
    if (walked === null) unread.push(place);
    for (const path of walked ?? []) paths.add(path);
  }
  const owners = paths.size === 0 ? new Map<string, string>() : await packageOf(look, paths);
  for (const path of paths) {
    const key = `${path} false`;
    if ((owners.get(path) ?? null) !== null || found.has(key)) continue;
    found.set(key, { path, at: path, usedBy: new Set(), stale: new Set(), maps: [], container: false });
  }
  return unread;
}

/** A place is walked through once an hour; what was found there is looked at each time. */
async function walkSeldom(look: Look, place: string, left: () => number): Promise<string[]> {
  if ((await look.host.stat(place)) === null) return [];
  const hour = `${Math.floor(Date.now() / WALK_AGAIN_MS)}`;
  return look.kept(`openssl below ${place}`, hour, () => walk(look.host, place, left()));
}

type Kept = Map<string, { stamp: string; told: Told }>;

async function read(look: Look, candidates: readonly Candidate[]): Promise<OpenSslCopy[]> {
  const kept: Kept = await look.kept('openssl', '', async () => new Map());
  const asked = new Set(candidates.map(({ at }) => at));
  for (const at of kept.keys()) if (!asked.has(at)) kept.delete(at);
  const missing = new Map<string, string>();
  const gone = new Set<string>();
  let bytes = 0;
  const stats = await each(candidates, ({ at }) => look.host.stat(at).catch(() => undefined), 1024);
  for (const [index, candidate] of candidates.entries()) {
    const stat = stats[index];
    noteStale(candidate, stat);
    if (stat === null) gone.add(candidate.at);
    if (isKept(kept, candidate.at, stat)) continue;
    if (!stat || stat.kind !== 'file' || stat.size > LARGEST || bytes + stat.size > BYTES_A_LOOK) continue;
    bytes += stat.size;
    missing.set(candidate.at, stampOf(stat));
  }
  await readAll(look, missing, kept);
  return candidates.flatMap((one) => copyOf(one, kept.get(one.at), gone.has(one.at)));
}

/** Who maps another file than the one that lies there; undefined: that could not be looked at. */
function noteStale({ maps, stale }: Candidate, stat: Stat | null | undefined): void {
  if (stat === undefined) return;
  for (const { file, user } of maps) if (isAnother(stat, file)) stale.add(user);
}

/** Was this very file read before? What was read of another one in its place is forgotten. */
function isKept(kept: Kept, at: string, stat: Stat | null | undefined): boolean {
  const isSame = stat !== null && stat !== undefined && kept.get(at)?.stamp === stampOf(stat);
  if (!isSame) kept.delete(at);
  return isSame;
}

async function readAll(look: Look, stamps: ReadonlyMap<string, string>, kept: Kept): Promise<void> {
  const left = timer(READS_MS);
  const paths = [...stamps.keys()];
  for (let start = 0; start < paths.length; start += FILES_A_COMMAND) {
    const some = paths.slice(start, start + FILES_A_COMMAND);
    const words = await (async () => grep(look.host, WORDS, some, left()))().catch(() => oneByOne(look, some, left));
    for (const [path, found] of words) kept.set(path, { stamp: stamps.get(path)!, told: copyIn(path, found) });
  }
}

/** One file that cannot be read says nothing about the others. */
async function oneByOne(look: Look, paths: readonly string[], left: () => number): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const path of paths) {
    const words = await (async () => grep(look.host, WORDS, [path], left()))().catch(() => null);
    for (const [one, said] of words ?? []) found.set(one, said);
  }
  return found;
}

/**
 * What a process executes from a library that is gone or another by now, nobody can read any more; a program that carried one
 * and is gone is a program like any other.
 */
function copyOf(one: Candidate, answer: { told: Told } | undefined, isGone: boolean): OpenSslCopy[] {
  const { path, container } = one;
  const seen = { path, usedBy: [...one.usedBy].sort(), stale: [...one.stale].sort(), container };
  if (isGone) return one.stale.size > 0 ? [{ ...UNREAD, ...seen }] : [];
  if (answer === undefined) return [{ ...UNREAD, ...seen }];
  if (answer.told) return [{ ...answer.told, ...seen }];
  return isLibrary(path) && one.stale.size > 0 ? [{ ...UNREAD, ...seen }] : [];
}
