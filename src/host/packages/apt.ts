import { AppError } from '../../model/errors/index.ts';
import { lastLine, run } from '../command.ts';
import { readText, type ExecResult, type Host } from '../host.ts';
import { cut } from '../text.ts';
import { readDpkgStatus } from './dpkg.ts';

const INSTALL_TIMEOUT_MS = 30 * 60_000;
const UPDATE_TIMEOUT_MS = 5 * 60_000;

export interface Simulation {
  changes: { name: string; from: string | null; to: string }[];
  removed: string[];
}

/** Fetches the lists, so that the candidate is what the archive offers now. False: it could not; the old lists stand. */
export async function refreshLists(host: Host): Promise<boolean> {
  const result = await host.exec(['apt-get', 'update'], { timeoutMs: UPDATE_TIMEOUT_MS });
  return result.code === 0;
}

/** Name → version of everything that is installed whole. */
export async function installedVersions(host: Host): Promise<Map<string, string>> {
  const found = (await readDpkgStatus(host, '')).filter((fact) => fact.status === 'installed');
  return new Map(found.map((fact) => [fact.name, fact.version]));
}

/** The version that apt would choose of each, asked at once; null for what it does not offer. */
export async function candidateVersions(host: Host, names: readonly string[]): Promise<Map<string, string | null>> {
  if (names.length === 0) return new Map();
  return parsePolicy(await run(host, ['apt-cache', 'policy', ...names]));
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
  return stats.map((stat) => stat?.mtime ?? 0).join(' ');
}

/** Somebody else's run of apt or dpkg is waited for, not broken into; and a service manager's timer is no reason to fail. */
const LOCK = '-oDPkg::Lock::Timeout=600';

/** A settings file that somebody changed stays, whatever the package brings; nobody is there to be asked. */
const KEEP = ['--force-confdef', '--force-confold'];

const request = (wanted: Record<string, string>): string[] => [
  'install',
  LOCK,
  ...KEEP.map((option) => `-oDPkg::Options::=${option}`),
  '-y',
  '--allow-downgrades',
  ...Object.entries(wanted).map(([name, version]) => `${name}=${version}`),
];

export async function simulate(host: Host, wanted: Record<string, string>): Promise<Simulation> {
  const text = await run(host, ['apt-get', '-s', ...request(wanted)], { timeoutMs: UPDATE_TIMEOUT_MS });
  return parseSimulation(text);
}

/** `Inst name [old] (new Origin:suite [arch])`, without `[old]` for what is new; `Remv name [old]`. */
export function parseSimulation(text: string): Simulation {
  const changes = [...text.matchAll(/^Inst (\S+)(?: \[([^\]]+)\])? \((\S+)/gm)].map((match) => ({
    name: match[1]!,
    from: match[2] ?? null,
    to: match[3]!.replace(/\)$/, ''),
  }));
  return { changes, removed: [...text.matchAll(/^Remv (\S+)/gm)].map((match) => match[1]!) };
}

/** Packages that dpkg began with and did not finish; waiting triggers are no harm, the next run takes them along. */
export async function unfinished(host: Host): Promise<string[]> {
  const broken = new Set(['unpacked', 'half-installed', 'half-configured']);
  return (await readDpkgStatus(host, '')).filter((fact) => broken.has(fact.status)).map((fact) => fact.name);
}

/** Is somebody at work with dpkg or apt? They hold a POSIX lock on one of its files (fcntl, as apt and dpkg take it). */
export async function isLocked(host: Host): Promise<boolean> {
  const files = await Promise.all(['/var/lib/dpkg/lock-frontend', '/var/lib/dpkg/lock'].map((path) => host.stat(path)));
  const inodes = files.flatMap((file) => file?.inode ?? []);
  const locks = ((await readText(host, '/proc/locks')) ?? '').split('\n').filter((line) => line.includes(' POSIX '));
  return locks.some((line) => inodes.some((inode) => line.includes(`:${inode} `)));
}

/** Finishes them. apt refuses to install anything as long as there are any. */
export async function finish(host: Host): Promise<void> {
  await run(host, ['dpkg', ...KEEP, '--configure', '-a'], { timeoutMs: INSTALL_TIMEOUT_MS });
}

/**
 * Installs exactly these. Returns the settings files of which somebody's own version was kept, though the package brings a
 * newer one: nobody is asked, and what stands there counts.
 */
export async function install(host: Host, wanted: Record<string, string>): Promise<string[]> {
  const result = await host.exec(['apt-get', '-q', ...request(wanted)], { timeoutMs: INSTALL_TIMEOUT_MS });
  if (result.code !== 0) throw await gaveUp(host, result);
  const installed = await installedVersions(host);
  for (const [name, version] of Object.entries(wanted)) {
    const now = installed.get(name) ?? null;
    if (now !== version)
      throw new AppError('STEP_NOT_EFFECTIVE', {
        what: `apt-get ended well, but ${name} is ${now ?? 'not installed'} instead of ${version}`,
      });
  }
  return keptFiles(`${result.stdout}\n${result.stderr}`);
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
    left: left.length > 0 ? `Left half-way: ${left.slice(0, 10).join(', ')}` : 'No package was left half-way',
  });
}

/** Those of them that an administrator put on hold. */
export async function heldAmong(host: Host, names: readonly string[]): Promise<string[]> {
  const held = (await readDpkgStatus(host, '')).filter((fact) => fact.held === true).map((fact) => fact.name);
  return names.filter((name) => held.includes(name));
}
