import type { PackageFact } from '../../model/facts.ts';
import { isAppError } from '../../model/errors/index.ts';
import { run } from '../command.ts';
import { stampOf, type Host, type Stat } from '../host.ts';

/** The database by age: SQLite, NDB, Berkeley DB; below /usr on image-based systems. */
const DATABASES = ['/var/lib/rpm', '/usr/lib/sysimage/rpm'].flatMap((directory) =>
  ['rpmdb.sqlite', 'rpmdb.sqlite-wal', 'Packages.db', 'Packages'].map((name) => `${directory}/${name}`),
);
const FIELDS = ['%{NAME}', '%{EPOCH}', '%{VERSION}-%{RELEASE}', '%{ARCH}', '%{SOURCERPM}'];
const LABEL = '%{MODULARITYLABEL}';
const NONE = '(none)';
const FILES_FORMAT = String.raw`[%{=NAME}\t%{FILENAMES}\n]`;
const OUTPUT_LIMIT = 64 * 1024 * 1024;
const TIMEOUT_MS = 120_000;
const PATHS_AT_ONCE = 200;

/** Changes whenever the package database does; null where there is none. */
export async function rpmStamp(host: Host): Promise<string | null> {
  const stats = await Promise.all(DATABASES.map((path) => host.stat(path)));
  const found = stats.filter((stat): stat is Stat => stat !== null);
  return found.length === 0 ? null : found.map(stampOf).join(' ');
}

/** A line a package; what `more` asks for stands behind what `parseRpm` reads. */
export function listRpms(host: Host, more: readonly string[] = []): Promise<string> {
  const list = (label: string): Promise<string> => {
    const format = `${[...FIELDS, label, ...more].join(String.raw`\t`)}${String.raw`\n`}`;
    return run(host, ['rpm', '-qa', '--qf', format], { maxOutput: OUTPUT_LIMIT, timeoutMs: TIMEOUT_MS });
  };
  // An rpm from before there were modules refuses the whole question for a name that it does not know.
  return list(LABEL).catch((error: unknown) => {
    if (isAppError(error, 'HOST_COMMAND')) return list(NONE);
    throw error;
  });
}

export const readRpm = async (host: Host, ecosystem: string): Promise<PackageFact[]> =>
  parseRpm(await listRpms(host), ecosystem);

/** Versions as `epoch:version-release`, without an epoch of 0: so advisories write them. */
export function parseRpm(text: string, ecosystem: string): PackageFact[] {
  return text.split('\n').flatMap((line) => {
    const [name, epoch = '', version, arch = '', source = '', label = ''] = line.split('\t');
    // Keys that were imported are kept as packages of that name.
    if (!name || !version || name === 'gpg-pubkey') return [];
    const prefix = /^[1-9]\d*$/.test(epoch) ? `${epoch}:` : '';
    const stream = streamOf(label);
    const from = sourceOf(source) ?? { source: name, version };
    return [
      {
        ecosystem,
        name,
        version: `${prefix}${version}`,
        arch: arch === NONE ? '' : arch,
        source: from.source,
        // The name of a source package lacks the epoch, which is nearly always that of its packages.
        sourceVersion: `${prefix}${from.version}`,
        ...(stream === null ? {} : { stream }),
        status: 'installed',
      },
    ];
  });
}

/** `php:7.4:8060020220725162133:c2b9a8d3` is the stream 7.4 of php, its build and what it was built in. */
const streamOf = (label: string): string | null => /^[^:\s]+:[^:\s]+(?=:|$)/.exec(label)?.[0] ?? null;

/** `openssl-3.0.7-24.el9.src.rpm` */
function sourceOf(file: string): { source: string; version: string } | null {
  const match = /^(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm$/.exec(file);
  return match && { source: match[1]!, version: match[2]! };
}

/** Which package brought each of these files? Asked of rpm, which has them by name. */
export async function rpmsOfFiles(host: Host, paths: readonly string[]): Promise<Map<string, string>> {
  const wanted = new Map(paths.flatMap((path) => both(path).map((name) => [name, path] as const)));
  const found = new Map<string, string>();
  const names = [...wanted.keys()];
  for (let at = 0; at < names.length; at += PATHS_AT_ONCE) {
    const some = names.slice(at, at + PATHS_AT_ONCE);
    // It ends badly when one of them is nobody's; what it says of the others is true.
    const told = await host.exec(['rpm', '-qf', '--qf', FILES_FORMAT, ...some], {
      maxOutput: OUTPUT_LIMIT,
      timeoutMs: TIMEOUT_MS,
    });
    for (const line of told.stdout.split('\n')) {
      const [name, file] = line.split('\t');
      const path = wanted.get(file ?? '');
      if (path !== undefined) found.set(path, name!);
    }
  }
  return found;
}

/** Packages from before /usr was merged name the old place. */
const both = (path: string): string[] =>
  /^\/usr\/(bin|sbin|lib\w*)\//.test(path) ? [path, path.slice('/usr'.length)] : [path];
