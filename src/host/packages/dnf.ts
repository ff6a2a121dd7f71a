import { AppError } from '../../model/errors/index.ts';
import { compareRpm } from '../../model/versions/rpm.ts';
import type { ExecResult, Host } from '../host.ts';
import { heldByDnf, holdsOfDnf } from './dnf-holds.ts';
import { parseDnfTable } from './dnf-table.ts';
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

const INSTALL_TIMEOUT_MS = 30 * 60_000;
const QUERY_TIMEOUT_MS = 5 * 60_000;
const OUTPUT_LIMIT = 32 * 1024 * 1024;
const LOGS = '/var/log/dnf.log and /var/log/dnf.rpm.log';
/** dnf 4 ends each line by itself and dnf 5 does not: empty lines are left out. */
const FORMAT = String.raw`%{name} %{epoch}:%{version}-%{release} %{arch}\n`;

/** dnf 4 (also as `yum`) or dnf 5. It waits for another run of itself, and has no time limit for that but ours. */
interface Dnf {
  host: Host;
  program: string;
  isFive: boolean;
  installed: InstalledRpms;
}

/** What is in the cache counts: nothing that was told beforehand changes meanwhile. Where nothing is, it is fetched. */
async function cached(dnf: Dnf, args: readonly string[], timeoutMs = QUERY_TIMEOUT_MS): Promise<ExecResult> {
  const argv = [dnf.program, '--cacheonly', ...args];
  const limits = { timeoutMs, maxOutput: OUTPUT_LIMIT };
  const told = await dnf.host.exec(argv, limits);
  if (told.code === 0 || !/no cache for|[Cc]ache-only/.test(told.stderr)) return told;
  await refresh(dnf);
  return dnf.host.exec(argv, limits);
}

export interface Offered {
  name: string;
  version: string;
  arch: string;
}

/** `name epoch:version-release arch`, an epoch of 0 as if there were none. */
export function parseOffered(text: string): Offered[] {
  return text.split('\n').flatMap((line) => {
    const match = /^(\S+) (?:(?:0|\(none\)):|([1-9]\d*:))(\S+) (\S+)$/.exec(line.trim());
    return match ? [{ name: match[1]!, version: `${match[2] ?? ''}${match[3]!}`, arch: match[4]! }] : [];
  });
}

async function query(dnf: Dnf, args: readonly string[]): Promise<Offered[]> {
  const told = await cached(dnf, ['-q', 'repoquery', ...args, '--qf', FORMAT]);
  if (told.code === 0) return parseOffered(told.stdout);
  const command = `${dnf.program} repoquery`;
  throw new AppError('HOST_COMMAND', { command, code: told.code, why: reasons(told) });
}

const UPGRADES = ['--upgrades', '--latest-limit=1'];

/** Of what is offered, the newest of each that fits an architecture it is installed for. */
async function newest(dnf: Dnf, offered: readonly Offered[]): Promise<Map<string, string>> {
  const arches = await dnf.installed.architectures();
  const found = new Map<string, string>();
  for (const { name, version, arch } of offered) {
    const fits = arch === 'noarch' || arches.get(name)?.has(arch) || arches.get(name)?.has('noarch');
    const other = found.get(name);
    if (fits && (other === undefined || compareRpm(other, version) < 0)) found.set(name, version);
  }
  return found;
}

async function newer(dnf: Dnf): Promise<Map<string, string> | null> {
  const argv = [dnf.program, '--cacheonly', '-q', 'repoquery', ...UPGRADES, '--qf', FORMAT];
  const told = await dnf.host.exec(argv, { timeoutMs: LOOK_TIMEOUT_MS, maxOutput: OUTPUT_LIMIT });
  return told.code === 0 ? newest(dnf, parseOffered(told.stdout)) : null;
}

/** What is newer than what is installed; and otherwise what is installed, as apt has it. */
async function candidates(dnf: Dnf, names: readonly string[]): Promise<Map<string, string | null>> {
  const installed = await dnf.installed.newest();
  const offered = await newest(dnf, await query(dnf, UPGRADES));
  return new Map(names.map((name) => [name, offered.get(name) ?? installed.get(name) ?? null]));
}

/** NAME-EPOCH:VERSION-RELEASE, and with its architecture where it is installed for that and offered for it. */
async function specsOf(dnf: Dnf, wanted: Wanted): Promise<string[]> {
  const plain = (name: string): string => {
    const version = wanted[name]!;
    return `${name}-${version.includes(':') ? version : `0:${version}`}`;
  };
  const arches = await dnf.installed.architectures();
  const offered = await query(dnf, Object.keys(wanted).map(plain));
  return Object.keys(wanted).flatMap((name) => {
    const here = offered
      .filter((one) => one.name === name && one.version === wanted[name] && arches.get(name)?.has(one.arch))
      .map((one) => `${plain(name)}.${one.arch}`);
    return here.length > 0 ? [...new Set(here)] : [plain(name)];
  });
}

/** Up or down: dnf 4 takes the version that is named. dnf 5 is told when all of it goes down. */
async function verb(dnf: Dnf, wanted: Wanted): Promise<string> {
  if (!dnf.isFive) return 'install';
  const installed = await dnf.installed.newest();
  const isOlder = (name: string): boolean => compareRpm(wanted[name]!, installed.get(name) ?? '') < 0;
  return Object.keys(wanted).every(isOlder) ? 'downgrade' : 'install';
}

async function simulate(dnf: Dnf, wanted: Wanted): Promise<Simulation> {
  const words = [await verb(dnf, wanted), ...(await specsOf(dnf, wanted))];
  const told = await cached(dnf, ['--assumeno', ...words]);
  // Answered with no, it ends with 1, as it does when it finds no way; only then there is a transaction to say no to.
  if (told.code !== 0 && !/Operation aborted/.test(told.stderr + told.stdout))
    throw new AppError('STEP_PACKAGES_UNSOLVABLE', {
      packages: Object.entries(wanted)
        .map(([name, version]) => `${name} ${version}`)
        .slice(0, 10)
        .join(', '),
      why: reasons(told),
    });
  const installed = await dnf.installed.newest();
  const { changes, removed } = parseDnfTable(told.stdout);
  return {
    changes: changes.map(({ name, to, isNew }) => ({ name, from: isNew ? null : (installed.get(name) ?? null), to })),
    removed,
  };
}

/** Curl's reasons that time may mend: names, connections, time-outs; and servers that are not there behind their proxy. */
export const isDnfAway = ({ code, stdout, stderr }: ExecResult): boolean =>
  code !== 0 && /Curl error \((?:5|6|7|16|18|28|35|52|55|56|92)\)|Status code: 50[234]\b/.test(`${stdout}\n${stderr}`);

async function refresh(dnf: Dnf, patienceMs = 0): Promise<void> {
  const limits = { timeoutMs: QUERY_TIMEOUT_MS, patienceMs, isAway: isDnfAway };
  await fetchPatiently(dnf.host, [dnf.program, '-y', '--refresh', 'makecache'], limits);
}

/** By the lists that it was told from: newer ones could bring or remove something else. */
const AS_TOLD = ['--setopt=metadata_expire=-1'];

async function install(dnf: Dnf, wanted: Wanted): Promise<Settings> {
  dnf.installed.anew();
  const words = [await verb(dnf, wanted), ...(await specsOf(dnf, wanted))];
  const limits = { timeoutMs: INSTALL_TIMEOUT_MS, patienceMs: NETWORK_PATIENCE_MS, isAway: isDnfAway };
  const fetched = await fetchPatiently(dnf.host, [dnf.program, '-y', ...AS_TOLD, '--downloadonly', ...words], limits);
  if (fetched.code !== 0) throw await rpmGaveUp(dnf.installed, fetched, LOGS);
  const transact = (): Promise<ExecResult> => cached(dnf, ['-y', ...words], INSTALL_TIMEOUT_MS);
  const result = await whenRpmIsFree(dnf.host, transact);
  if (result.code !== 0) throw await rpmGaveUp(dnf.installed, result, LOGS);
  return judgeRpms(dnf.installed, result, wanted, LOGS);
}

async function setHold(dnf: Dnf, name: string, on: boolean): Promise<void> {
  const told = await cached(dnf, ['-q', 'versionlock', on ? 'add' : 'delete', name]);
  if (told.code === 0) return;
  const why = `${dnf.program} versionlock says: ${reasons(told)}. For dnf 4 it is a plugin, python3-dnf-plugin-versionlock`;
  throw new AppError('STEP_UNSUPPORTED', { kind: 'package-hold', why });
}

export function dnf(host: Host, program: string, isFive: boolean): PackageManager {
  const rpms = new InstalledRpms(host);
  const self: Dnf = { host, program, isFive, installed: rpms };
  return {
    name: 'dnf',
    holdsIn: holdsOfDnf(isFive),
    repair: `${program} check --duplicates and rpm -e --nodeps OLD-VERSION`,
    installed: () => rpms.newest(),
    candidates: (names) => candidates(self, names),
    newer: () => newer(self),
    refresh: (patienceMs) => refresh(self, patienceMs),
    simulate: (wanted) => simulate(self, wanted),
    heldAmong: (names) => heldByDnf(host, isFive, names),
    holdOf: async (name) => ({ held: (await heldByDnf(host, isFive, [name])).length > 0, entry: null }),
    hold: (name, on) => setHold(self, name, on),
    unfinished: () => unfinishedRpms(rpms),
    finish: () => finishRpms(rpms),
    isLocked: () => rpmIsLocked(host),
    install: (wanted) => install(self, wanted),
  };
}
