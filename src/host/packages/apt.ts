import { AppError } from '../../model/errors/index.ts';
import { failed, lastLine, run } from '../command.ts';
import { stampOf, type ExecResult, type Host } from '../host.ts';
import { cut } from '../text.ts';
import { DPKG_STATUS, isCutOff, readDpkgStatus } from './dpkg.ts';
import { fetchPatiently, isNetworkAway } from './fetch-patiently.ts';
import { leftHalfWay, someoneHolds } from './half-way.ts';
import { NETWORK_PATIENCE_MS, type PackageManager, type Settings, type Simulation, type Wanted } from './manager.ts';

const INSTALL_TIMEOUT_MS = 30 * 60_000;
const FETCH_TIMEOUT_MS = 30 * 60_000;
const UPDATE_TIMEOUT_MS = 5 * 60_000;

/**
 * By itself `update` throws away what apt has worked out of its lists and works it out anew, also where no list is another:
 * most of what it takes. Left out, whoever asks next does so, and only where a list changed: apt looks at each of them.
 */
const UPDATE = ['apt-get', '-opkgCacheFile::Generate=false', 'update'];

/**
 * Fetches the lists, so that the candidate is what the archive offers now; where an archive cannot be reached within
 * `patienceMs`, its old lists stand.
 */
async function refreshLists(host: Host, patienceMs = 0): Promise<void> {
  await fetchPatiently(host, UPDATE, { timeoutMs: UPDATE_TIMEOUT_MS, patienceMs });
}

/** Name → version of everything that is installed whole. */
async function installedVersions(host: Host): Promise<Map<string, string>> {
  const found = (await readDpkgStatus(host, '')).filter((fact) => fact.status === 'installed');
  return new Map(found.map((fact) => [fact.name, fact.version]));
}

/** The version that apt would choose of each, asked at once; null for what it does not offer. */
async function candidateVersions(host: Host, names: readonly string[]): Promise<Map<string, string | null>> {
  if (names.length === 0) return new Map();
  return parsePolicy(await run(host, ['apt-cache', 'policy', ...names]));
}

async function newerVersions(host: Host): Promise<Map<string, string> | null> {
  const installed = await installedVersions(host);
  const told = await policies(host, [...installed.keys()]);
  if (told === null) return null;
  const offered = [...parsePolicy(told)].flatMap(([name, version]): [string, string][] =>
    version === null || version === installed.get(name) ? [] : [[name, version]],
  );
  return new Map(offered);
}

/** What apt knows of each of these packages, as it prints it; null where there is no apt to ask. */
export async function policies(host: Host, names: readonly string[]): Promise<string | null> {
  if (names.length === 0) return '';
  const told = await host.exec(['apt-cache', 'policy', ...names], { maxOutput: 32 * 1024 * 1024 });
  return told.code === 0 ? told.stdout : null;
}

/** What apt knows of its lists, as it prints it; null where there is no apt that says. */
export async function listPolicies(host: Host): Promise<string | null> {
  const told = await host.exec(['apt-cache', 'policy']);
  // What dpkg has installed is the one list that every apt has.
  return told.code === 0 && told.stdout.includes('/var/lib/dpkg/status') ? told.stdout : null;
}

/**
 * When apt last asked its archives, in ms since 1970; null: never, as far as anybody can tell. Lists that had not changed
 * keep their time: the directory that it downloads into does not.
 */
export async function listsAskedAt(host: Host): Promise<number | null> {
  const paths = ['/var/lib/apt/periodic/update-success-stamp', '/var/lib/apt/lists/partial', '/var/lib/apt/lists'];
  const times = (await Promise.all(paths.map((path) => host.stat(path)))).flatMap((stat) => stat?.mtime ?? []);
  return times.length === 0 ? null : Math.max(...times);
}

/** `name:` at the start of a line, `Candidate: version` below it. */
export function parsePolicy(text: string): Map<string, string | null> {
  const found = new Map<string, string | null>();
  let name: string | null = null;
  for (const line of text.split('\n')) {
    if (!/^[ \t]/.test(line)) name = /^(\S+):$/.exec(line)?.[1] ?? null;
    const candidate = name === null ? undefined : /^[ \t]+Candidate:[ \t]*(\S+)/.exec(line)?.[1];
    if (candidate !== undefined) found.set(name!, candidate === '(none)' ? null : candidate);
  }
  return found;
}

/** Changes whenever what apt offers may have changed. */
export async function listsStamp(host: Host): Promise<string> {
  const stats = await Promise.all(
    ['/var/lib/apt/lists', '/etc/apt/preferences.d', '/etc/apt/preferences'].map((path) => host.stat(path)),
  );
  return stats.map((stat) => (stat === null ? '' : stampOf(stat))).join(' ');
}

/** Somebody else's run of apt or dpkg is waited for, not broken into; and a service manager's timer is no reason to fail. */
const LOCK_SECONDS = 600;
const LOCK = `-oDPkg::Lock::Timeout=${LOCK_SECONDS}`;

/** A settings file that somebody changed stays, whatever the package brings; nobody is there to be asked. */
const KEEP = ['--force-confdef', '--force-confold'];

const request = (wanted: Wanted): string[] => [
  'install',
  LOCK,
  ...KEEP.map((option) => `-oDPkg::Options::=${option}`),
  '-y',
  '--allow-downgrades',
  ...Object.entries(wanted).map(([name, version]) => `${name}=${version}`),
];

/** `--print-uris` ends before anything is fetched, and takes no lock; `-s` walks through the whole run, for twice the time. */
const ONLY_SAY = ['--print-uris', '-V', '-oAPT::Output-Version=0'];

async function simulate(host: Host, wanted: Wanted): Promise<Simulation> {
  const argv = ['apt-get', ...ONLY_SAY, ...request(wanted)];
  const text = await run(host, argv, { timeoutMs: UPDATE_TIMEOUT_MS });
  const told = parseSimulation(text);
  // Nothing that goes may be overlooked, however apt comes to say it one day: its own count has to be there, and be ours.
  const going = /\b(\d+) to remove\b/.exec(text)?.[1];
  if (told.removed.length === Number(going)) return told;
  const why = `it would remove ${going ?? 'what it does not count'}, and names ${told.removed.length}`;
  throw new AppError('HOST_COMMAND', { command: argv.join(' '), code: 0, why });
}

const SAYS = /^The following (?:packages will be (upgraded|DOWNGRADED|REMOVED)|(NEW) packages will be installed):$/;

/** Below a line that says what becomes of them: `name (old => new)`, of what is new `name (version)`; what goes may have none. */
function parseSimulation(text: string): Simulation {
  const told: Simulation = { changes: [], removed: [] };
  let becomes: string | null = null;
  for (const line of text.split('\n')) {
    const [, name, version, to] = /^ {3}([^\s*]+)\*?(?: \((\S+)(?: => (\S+))?\))?$/.exec(line) ?? [];
    if (name === undefined) becomes = SAYS.exec(line)?.slice(1).find(Boolean) ?? null;
    else if (becomes === 'REMOVED') told.removed.push(name);
    else if (becomes === 'NEW') told.changes.push({ name, from: null, to: version ?? '' });
    else if (becomes !== null && to !== undefined) told.changes.push({ name, from: version ?? null, to });
  }
  return told;
}

/** Packages that dpkg began with and did not finish; waiting triggers are no harm, the next run takes them along. */
async function unfinished(host: Host): Promise<string[]> {
  const broken = new Set(['unpacked', 'half-installed', 'half-configured']);
  return (await readDpkgStatus(host, '')).filter((fact) => broken.has(fact.status)).map((fact) => fact.name);
}

/**
 * Finishes those that need nothing else. A set that was cut off while it was unpacked has some that wait for versions of
 * the others: they stay unfinished, and the install of what is wanted takes them along.
 */
async function finish(host: Host): Promise<void> {
  const argv = ['dpkg', ...KEEP, '--configure', '-a'];
  const ended = await host.exec(argv, { timeoutMs: INSTALL_TIMEOUT_MS });
  if (ended.code !== 0 && !/^dpkg: dependency problems prevent/m.test(ended.stderr)) throw failed(argv, ended);
}

/**
 * A run that was cut off between two packages (a full disk, a power cut) left none half-way, and notes that it did not get
 * to write down. That is all that is done here; packages that are half-way are for `whole`.
 */
async function writeDown(host: Host): Promise<void> {
  if (!(await isCutOff(host)) || (await isLocked(host)) || (await unfinished(host)).length > 0) return;
  await finish(host);
}

/** They hold a POSIX lock on one of its files. */
const isLocked = (host: Host): Promise<boolean> =>
  someoneHolds(host, ['/var/lib/dpkg/lock-frontend', '/var/lib/dpkg/lock']);

/**
 * Did it end because the network was away, before it changed anything? apt fetches all and then unpacks; where it lacks one
 * it does not begin, and says so. A run of its own for fetching alone would work everything out once more.
 */
const couldNotFetch = ({ code, stderr }: ExecResult): boolean =>
  code !== 0 && /^E: Unable to fetch some archives/m.test(stderr) && isNetworkAway(stderr);

/** Settings files of which there are two versions keep what somebody wrote: what stands there counts. */
async function install(host: Host, wanted: Wanted): Promise<Settings> {
  await writeDown(host);
  const result = await fetchPatiently(host, ['apt-get', '-q', ...request(wanted)], {
    // Who waits and fetches for long leaves dpkg as much time as ever: it must not be cut off for that.
    timeoutMs: 1000 * LOCK_SECONDS + FETCH_TIMEOUT_MS + INSTALL_TIMEOUT_MS,
    patienceMs: NETWORK_PATIENCE_MS,
    isAway: couldNotFetch,
  });
  if (result.code !== 0) throw await gaveUp(host, result);
  const installed = await installedVersions(host);
  for (const [name, version] of Object.entries(wanted)) {
    const now = installed.get(name) ?? null;
    if (now !== version)
      throw new AppError('STEP_NOT_EFFECTIVE', {
        what: `apt-get ended well, but ${name} is ${now ?? 'not installed'} instead of ${version}`,
      });
  }
  return { kept: keptFiles(`${result.stdout}\n${result.stderr}`), replaced: [] };
}

/** As dpkg says it: the file, why there is a question, and that it kept the old one. */
export function keptFiles(text: string): string[] {
  const kept = new Set<string>();
  let path: string | null = null;
  for (const line of text.split('\n')) {
    path = /^Configuration file '([^']+)'/.exec(line)?.[1] ?? path;
    if (path !== null && line.startsWith(' ==> Keeping old config file')) kept.add(path);
  }
  return [...kept].sort();
}

/** Which package it was, in dpkg's words, and what lies half-way now. */
async function gaveUp(host: Host, { code, stdout, stderr }: ExecResult): Promise<AppError> {
  const said = `${stderr}\n${stdout}`.split('\n');
  const failures = said.flatMap((line, index) =>
    /^dpkg: error processing|^E: (?!Sub-process)|No space left|Read-only file system/.test(line)
      ? [line.trim(), ...(/^ \S/.test(said[index + 1] ?? '') ? [said[index + 1]!.trim()] : [])]
      : [],
  );
  const left = await unfinished(host);
  return new AppError('STEP_PACKAGE_FAILED', {
    why: cut([...new Set(failures)].join('; ') || lastLine(stderr) || `apt-get ended with ${code}`, 600),
    left: leftHalfWay(left),
    logs: '/var/log/dpkg.log and /var/log/apt/term.log',
  });
}

/** Those of them that an administrator put on hold. */
async function heldAmong(host: Host, names: readonly string[]): Promise<string[]> {
  const held = (await readDpkgStatus(host, '')).filter((fact) => fact.held === true).map((fact) => fact.name);
  return names.filter((name) => held.includes(name));
}

async function setHold(host: Host, name: string, on: boolean): Promise<void> {
  await run(host, ['apt-mark', on ? 'hold' : 'unhold', name]);
}

/** Through apt, which keeps holds where dpkg and every other front end look for them. */
export const apt = (host: Host): PackageManager => ({
  name: 'apt',
  holdsIn: DPKG_STATUS,
  repair: 'dpkg --configure -a',
  installed: () => installedVersions(host),
  candidates: (names) => candidateVersions(host, names),
  newer: () => newerVersions(host),
  refresh: (patienceMs) => refreshLists(host, patienceMs),
  simulate: (wanted) => simulate(host, wanted),
  heldAmong: (names) => heldAmong(host, names),
  holdOf: async (name) => ({ held: (await heldAmong(host, [name])).length > 0, entry: null }),
  hold: (name, on) => setHold(host, name, on),
  unfinished: () => unfinished(host),
  finish: () => finish(host),
  isLocked: () => isLocked(host),
  install: (wanted) => install(host, wanted),
});
