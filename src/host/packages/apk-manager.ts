import { AppError } from '../../model/errors/index.ts';
import { run } from '../command.ts';
import { readText, type ExecOptions, type ExecResult, type Host } from '../host.ts';
import { cut } from '../text.ts';
import { apksOf, readApk } from './apk.ts';
import { isPinned, nameWithTag, parseApkChanges, parseApkNewer, worldEntry, worldWith } from './apk-words.ts';
import { fetchPatiently } from './fetch-patiently.ts';
import { leftHalfWay, someoneHolds } from './half-way.ts';
import { NETWORK_PATIENCE_MS, type PackageManager, type Settings, type Simulation, type Wanted } from './manager.ts';

const INSTALL_TIMEOUT_MS = 30 * 60_000;
const QUERY: ExecOptions = { timeoutMs: 12 * 60_000, maxOutput: 32 * 1024 * 1024 };
const WORLD = '/etc/apk/world';
/**
 * Exact versions are dependencies of a package that is none and goes again at once: so no pin of ours stays among what was
 * asked for on that host (its world), and one that a power cut left behind is known by its name.
 */
const VIRTUAL = '.lastember-change';
/** Another run is waited for, as long as apt's is. */
const WAITING = ['--wait', '600', '--no-progress'];

const adding = (wanted: Wanted, ...options: string[]): string[] => [
  'apk',
  'add',
  ...WAITING,
  ...options,
  '--virtual',
  VIRTUAL,
  ...Object.entries(wanted).map(([name, version]) => `${name}=${version}`),
];

async function installed(host: Host): Promise<Map<string, string>> {
  const facts = (await readApk(host, '')).filter((fact) => !fact.name.startsWith('.'));
  return new Map(facts.map((fact) => [fact.name, fact.version]));
}

const NEWER = ['apk', 'version', '--limit', '<'];

async function newer(host: Host): Promise<Map<string, string> | null> {
  const told = await host.exec([...NEWER, '--no-network'], QUERY);
  return told.code === 0 ? parseApkNewer(told.stdout) : null;
}

async function candidates(host: Host, names: readonly string[]): Promise<Map<string, string | null>> {
  const here = await installed(host);
  const newer = parseApkNewer(await run(host, NEWER, QUERY));
  return new Map(names.map((name) => [name, newer.get(name) ?? here.get(name) ?? null]));
}

async function simulate(host: Host, wanted: Wanted): Promise<Simulation> {
  const told = await host.exec(adding(wanted, '--simulate'), QUERY);
  if (told.code !== 0) {
    const packages = Object.entries(wanted).map(([name, version]) => `${name} ${version}`);
    throw new AppError('STEP_PACKAGES_UNSOLVABLE', { packages: packages.slice(0, 10).join(', '), why: reasons(told) });
  }
  const { changes, removed } = parseApkChanges(told.stdout);
  return {
    changes: changes.filter(({ name }) => name !== VIRTUAL),
    removed: removed.filter((name) => name !== VIRTUAL),
  };
}

/** What follows `ERROR:`, with the lines further in that explain it. */
export function reasons({ code, stdout, stderr }: ExecResult): string {
  const lines = `${stderr}\n${stdout}`.split('\n');
  const said = lines.filter((line, at) => line.startsWith('ERROR: ') || (/^ +\S/.test(line) && at > 0));
  const text = said.map((line) => line.replace(/^ERROR: /, '').trim()).join(' ');
  return cut(text || `apk ended with ${code}`, 600);
}

const AWAY =
  /network error|network connection aborted|could not connect to server|DNS(?: lookup|: transient) error|temporary error|timed out|connection (?:refused|reset)/i;

export const isApkAway = ({ code, stdout, stderr }: ExecResult): boolean =>
  code !== 0 && `${stdout}\n${stderr}`.split('\n').some((line) => /^(?:ERROR|WARNING): /.test(line) && AWAY.test(line));

async function refresh(host: Host, patienceMs = 0): Promise<void> {
  const limits = { timeoutMs: 5 * 60_000, patienceMs, isAway: isApkAway };
  await fetchPatiently(host, ['apk', 'update', ...WAITING], limits);
}

/** Of `f:` in its database: files (f), script (s) or extended attributes (x) of a package did not come to their end. */
async function broken(host: Host): Promise<string[]> {
  return (await apksOf(host)).filter(({ flags }) => /[fsx]/.test(flags)).map(({ name }) => name);
}

async function unfinished(host: Host): Promise<string[]> {
  const left = worldEntry((await readText(host, WORLD)) ?? '', VIRTUAL) === null ? [] : [VIRTUAL];
  return [...(await broken(host)), ...left];
}

async function finish(host: Host): Promise<void> {
  await forget(host);
  const names = await broken(host);
  if (names.length > 0) await run(host, ['apk', 'fix', ...WAITING, ...names], { timeoutMs: INSTALL_TIMEOUT_MS });
}

async function forget(host: Host): Promise<void> {
  if (worldEntry((await readText(host, WORLD)) ?? '', VIRTUAL) === null) return;
  await run(host, ['apk', 'del', ...WAITING, VIRTUAL], { timeoutMs: INSTALL_TIMEOUT_MS });
}

/** Files that a package brought beside a changed one, each with its time. */
async function newSettings(host: Host): Promise<Map<string, number>> {
  const told = await host.exec(['find', host.far ? '/etc' : './etc', '-name', '*.apk-new']);
  const paths = told.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/^\./, ''));
  const found = new Map<string, number>();
  for (const path of paths) found.set(path, (await host.stat(path))?.mtime ?? 0);
  return found;
}

/**
 * apk fetches each package as it comes to it, puts it in place whole, and goes on where it stopped when it is asked again:
 * while the network is away, that is what is done.
 */
async function install(host: Host, wanted: Wanted): Promise<Settings> {
  const before = await newSettings(host);
  const limits = { timeoutMs: INSTALL_TIMEOUT_MS, patienceMs: NETWORK_PATIENCE_MS, isAway: isApkAway };
  const result = await fetchPatiently(host, adding(wanted), limits);
  await forget(host);
  const left = await broken(host);
  if (result.code !== 0 || left.length > 0 || /script exited with error/.test(result.stdout + result.stderr))
    throw new AppError('STEP_PACKAGE_FAILED', {
      why: reasons(result),
      left: leftHalfWay(left),
      logs: '`apk audit --system`, and /var/log/apk.log where there is one,',
    });
  const now = await installed(host);
  for (const [name, version] of Object.entries(wanted))
    if (now.get(name) !== version) {
      const what = `apk ended well, but ${name} is ${now.get(name) ?? 'not installed'} instead of ${version}`;
      throw new AppError('STEP_NOT_EFFECTIVE', { what });
    }
  const kept = [...(await newSettings(host))].filter(([path, time]) => before.get(path) !== time);
  return { kept: kept.map(([path]) => path.replace(/\.apk-new$/, '')).sort(), replaced: [] };
}

async function world(host: Host): Promise<string> {
  return (await readText(host, WORLD)) ?? '';
}

async function hold(host: Host, name: string, on: boolean, entry: string | null): Promise<void> {
  const version = (await installed(host)).get(name);
  const now = await world(host);
  // Without its tag it would come from another repository.
  const tagged = nameWithTag(name, worldEntry(now, name));
  const text = worldWith(now, name, on ? `${tagged}=${version}` : (entry ?? tagged));
  await host.write(WORLD, Buffer.from(text), (await host.stat(WORLD))?.mode ?? 0o644);
}

export const apk = (host: Host): PackageManager => ({
  name: 'apk',
  holdsIn: WORLD,
  repair: `apk fix, and apk del ${VIRTUAL} where that is left`,
  installed: () => installed(host),
  candidates: (names) => candidates(host, names),
  newer: () => newer(host),
  refresh: (patienceMs) => refresh(host, patienceMs),
  simulate: (wanted) => simulate(host, wanted),
  async heldAmong(names) {
    const text = await world(host);
    return names.filter((name) => isPinned(worldEntry(text, name)));
  },
  async holdOf(name) {
    const entry = worldEntry(await world(host), name);
    // An empty one: it was not there, and an undo takes it out again.
    return { held: isPinned(entry), entry: entry ?? '' };
  },
  hold: (name, on, entry) => hold(host, name, on, entry ?? null),
  unfinished: () => unfinished(host),
  finish: () => finish(host),
  isLocked: () => someoneHolds(host, ['/lib/apk/db/lock', '/usr/lib/apk/db/lock', '/run/apk/db.lock']),
  install: (wanted) => install(host, wanted),
});
