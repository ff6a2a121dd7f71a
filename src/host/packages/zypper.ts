import { AppError } from '../../model/errors/index.ts';
import { run } from '../command.ts';
import { readText, type ExecOptions, type ExecResult, type Host } from '../host.ts';
import { fetchPatiently } from './fetch-patiently.ts';
import { InstalledRpms } from './installed-rpms.ts';
import {
  LOOK_TIMEOUT_MS,
  NETWORK_PATIENCE_MS,
  type PackageManager,
  type Settings,
  type Simulation,
  type Wanted,
} from './manager.ts';
import {
  finishRpms,
  judgeRpms,
  reasons,
  rpmGaveUp,
  rpmIsLocked,
  unfinishedRpms,
  whenRpmIsFree,
} from './rpm-transaction.ts';
import { parseProblems, parseSummary, parseUpdates } from './zypper-xml.ts';

const INSTALL_TIMEOUT_MS = 30 * 60_000;
const QUERY_TIMEOUT_MS = 12 * 60_000;
const OUTPUT_LIMIT = 32 * 1024 * 1024;
const LOCKS = '/etc/zypp/locks';
const LOGS = '/var/log/zypper.log and /var/log/zypp/history';
/** Another run is waited for, as long as apt's is. */
const ZYPPER = ['env', 'ZYPP_LOCK_TIMEOUT=600', 'zypper', '--non-interactive'];
const QUERY: ExecOptions = { timeoutMs: QUERY_TIMEOUT_MS, maxOutput: OUTPUT_LIMIT };
/** It ended well, and a reboot, a new start of zypper or a look at an archive that was left out is advised. */
const WELL = new Set([0, 102, 103, 106]);
/** It ended well but for scripts of packages. */
const SCRIPT_FAILED = 107;

/** From the lists as they are, nobody asked, and down as well as up. */
const installing = (xml: boolean, specs: readonly string[], ...options: string[]): string[] => [
  ...ZYPPER,
  ...(xml ? ['--xmlout'] : []),
  '--no-refresh',
  'install',
  '--type=package',
  '--oldpackage',
  '--auto-agree-with-licenses',
  ...options,
  ...specs,
];

/** NAME=VERSION; with an architecture where it is installed for several. */
async function specsOf(installed: InstalledRpms, wanted: Wanted): Promise<string[]> {
  const arches = await installed.architectures();
  return Object.entries(wanted).flatMap(([name, version]) => {
    const several = [...(arches.get(name) ?? [])];
    return several.length < 2 ? [`${name}=${version}`] : several.map((arch) => `${name}.${arch}=${version}`);
  });
}

const UPDATES = [...ZYPPER, '--xmlout', '--no-refresh', 'list-updates'];

async function newer(host: Host): Promise<Map<string, string> | null> {
  // A look has other things to tell: it does not wait for somebody else's run.
  const told = await host.exec(['env', 'ZYPP_LOCK_TIMEOUT=0', ...UPDATES.slice(2)], {
    ...QUERY,
    timeoutMs: LOOK_TIMEOUT_MS,
  });
  return WELL.has(told.code) ? parseUpdates(told.stdout) : null;
}

async function candidates(rpms: InstalledRpms, names: readonly string[]): Promise<Map<string, string | null>> {
  const installed = await rpms.newest();
  const told = await rpms.host.exec(UPDATES, QUERY);
  if (!WELL.has(told.code)) throw await rpmGaveUp(rpms, told, LOGS);
  const updates = parseUpdates(told.stdout);
  return new Map(names.map((name) => [name, updates.get(name) ?? installed.get(name) ?? null]));
}

async function simulate(installed: InstalledRpms, wanted: Wanted): Promise<Simulation> {
  const told = await installed.host.exec(installing(true, await specsOf(installed, wanted), '--dry-run'), QUERY);
  if (WELL.has(told.code)) return parseSummary(told.stdout);
  throw new AppError('STEP_PACKAGES_UNSOLVABLE', {
    packages: Object.entries(wanted)
      .map(([name, version]) => `${name} ${version}`)
      .slice(0, 10)
      .join(', '),
    why: parseProblems(told.stdout) ?? reasons(told),
  });
}

/** As libzypp words what curl told it. */
export const isZypperAway = ({ code, stderr }: ExecResult): boolean =>
  !WELL.has(code) &&
  /Error code: (?:Connection failed|HTTP response: 50[234])|Timeout exceeded|Could(?:n't| not) (?:resolve|connect)|Failed to connect|Connection (?:timed out|reset)/.test(
    stderr,
  );

async function refresh(host: Host, patienceMs = 0): Promise<void> {
  const limits = { timeoutMs: QUERY_TIMEOUT_MS, patienceMs, isAway: isZypperAway };
  await fetchPatiently(host, [...ZYPPER, 'refresh'], limits);
}

async function install(installed: InstalledRpms, wanted: Wanted): Promise<Settings> {
  const { host } = installed;
  const specs = await specsOf(installed.anew(), wanted);
  const limits = { timeoutMs: INSTALL_TIMEOUT_MS, patienceMs: NETWORK_PATIENCE_MS, isAway: isZypperAway };
  const fetched = await fetchPatiently(host, installing(false, specs, '--download-only'), limits);
  if (!WELL.has(fetched.code)) throw await rpmGaveUp(installed, fetched, LOGS);
  const argv = installing(false, specs);
  const result = await whenRpmIsFree(host, () => host.exec(argv, { timeoutMs: INSTALL_TIMEOUT_MS }));
  if (!WELL.has(result.code) && result.code !== SCRIPT_FAILED) throw await rpmGaveUp(installed, result, LOGS);
  return judgeRpms(installed, result, wanted, LOGS);
}

/** Stanzas; a name may hold `*` and `?`. Locks of patches, patterns and products are none of packages. */
export function parseZypperLocks(text: string): RegExp[] {
  return text.split(/\n[ \t]*\n/).flatMap((stanza) => {
    const field = (name: string): string | undefined => new RegExp(`^${name}: *(.*)$`, 'm').exec(stanza)?.[1]?.trim();
    const name = field('solvable_name');
    if (!name || !/^(?:package)?$/.test(field('type') ?? '')) return [];
    const isGlob = (field('match_type') ?? 'glob') === 'glob';
    const escaped = name.replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
    return [new RegExp(`^${isGlob ? escaped.replace(/\*+/g, '.*').replace(/\?/g, '.') : escaped}$`)];
  });
}

async function heldAmong(host: Host, names: readonly string[]): Promise<string[]> {
  const locks = parseZypperLocks((await readText(host, LOCKS)) ?? '');
  return names.filter((name) => locks.some((lock) => lock.test(name)));
}

async function setHold(host: Host, name: string, on: boolean): Promise<void> {
  await run(host, [...ZYPPER, on ? 'addlock' : 'removelock', '--type', 'package', name], QUERY);
}

export function zypper(host: Host): PackageManager {
  const rpms = new InstalledRpms(host);
  return {
    name: 'zypper',
    holdsIn: LOCKS,
    repair: 'rpm -e --nodeps OLD-VERSION for each that is there twice',
    installed: () => rpms.newest(),
    candidates: (names) => candidates(rpms, names),
    newer: () => newer(host),
    refresh: (patienceMs) => refresh(host, patienceMs),
    simulate: (wanted) => simulate(rpms, wanted),
    heldAmong: (names) => heldAmong(host, names),
    holdOf: async (name) => ({ held: (await heldAmong(host, [name])).length > 0, entry: null }),
    hold: (name, on) => setHold(host, name, on),
    unfinished: () => unfinishedRpms(rpms),
    finish: () => finishRpms(rpms),
    isLocked: () => rpmIsLocked(host),
    install: (wanted) => install(rpms, wanted),
  };
}
