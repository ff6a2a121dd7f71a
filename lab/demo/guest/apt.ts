import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { compareVersions, formatStanzas, readStanzas, writeWhole, type Stanza } from './deb.ts';
import type { Reply } from './systemctl.ts';

// Relative to the host's root, which is the supervisor's working directory.
const STATUS = 'var/lib/dpkg/status';
const LISTS = 'var/lib/apt/lists/demo_Packages';
const POOL = 'srv/apt';
const LOCK = 'var/lib/dpkg/lock';

class AptError extends Error {}
type Say = (line: string) => void;

interface Wanted {
  name: string;
  old: Stanza | undefined;
  fresh: Stanza;
}

const versionOf = (stanza: Stanza | undefined): string => stanza?.get('Version') ?? '';

function offered(name: string): Stanza[] {
  const known = readStanzas(LISTS).filter((stanza) => stanza.get('Package') === name);
  return known.sort((a, b) => compareVersions(versionOf(b), versionOf(a)));
}

function installed(name: string): Stanza | undefined {
  return readStanzas(STATUS).find(
    (stanza) => stanza.get('Package') === name && stanza.get('Status')?.endsWith(' installed'),
  );
}

function update(say: Say): void {
  const controls = globSync('*/*/control', { cwd: POOL }).sort();
  const stanzas = controls.flatMap((path) => readStanzas(join(POOL, path)));
  writeWhole(LISTS, formatStanzas(stanzas));
  say('Hit http://demo.invalid stable Release\nReading package lists... Done');
}

function resolve(word: string, allowDowngrades: boolean): Wanted | null {
  const [name, version] = word.split('=') as [string, string?];
  const old = installed(name);
  const candidates = offered(name);
  if (!candidates.length && !old) throw new AptError(`E: Unable to locate package ${name}`);
  const fresh = version ? candidates.find((stanza) => versionOf(stanza) === version) : candidates[0];
  if (version && versionOf(old) === version) return null;
  if (!fresh) throw new AptError(`E: Version '${version}' for '${name}' was not found`);
  if (versionOf(old) === versionOf(fresh)) return null;
  if (!allowDowngrades && old && compareVersions(versionOf(fresh), versionOf(old)) < 0)
    throw new AptError('E: Packages were downgraded and -y was used without --allow-downgrades.');
  return { name, old, fresh };
}

function install(words: string[], flags: Set<string>, say: Say): void {
  const wanted = words.flatMap((word) => resolve(word, flags.has('--allow-downgrades')) ?? []);
  const simulate = flags.has('-s') || flags.has('--simulate');
  say('Reading package lists...\nBuilding dependency tree...');
  const upgraded = wanted.filter(({ old }) => old).length;
  if (flags.has('--print-uris')) {
    list(
      'The following NEW packages will be installed:',
      wanted.filter(({ old }) => !old),
      say,
    );
    list(
      'The following packages will be upgraded:',
      wanted.filter(({ old }) => old),
      say,
    );
  }
  say(`${upgraded} upgraded, ${wanted.length - upgraded} newly installed, 0 to remove and 0 not upgraded.`);
  if (flags.has('--print-uris')) return;
  // All is fetched before anything is unpacked.
  if (!simulate) for (const { name, fresh } of wanted) filesOf(name, fresh);
  for (const { name, old, fresh } of wanted) {
    const text = `${name} ${old ? `[${versionOf(old)}] ` : ''}(${versionOf(fresh)} Demo:stable [${fresh.get('Architecture')}])`;
    if (simulate) say(`Inst ${text}\nConf ${name} (${versionOf(fresh)} Demo:stable [${fresh.get('Architecture')}])`);
    else if (!flags.has('-d')) withLock(() => unpack({ name, old, fresh }, say));
  }
}

/** As with -V: each on a line of its own, with its versions. */
function list(title: string, some: readonly Wanted[], say: Say): void {
  if (some.length === 0) return;
  say(title);
  for (const { name, old, fresh } of some) say(`   ${name} (${old ? `${versionOf(old)} => ` : ''}${versionOf(fresh)})`);
}

function withLock(work: () => void): void {
  try {
    mkdirSync(LOCK);
  } catch {
    throw new AptError('E: Could not get lock /var/lib/dpkg/lock - is another process using it?');
  }
  try {
    work();
  } finally {
    rmSync(LOCK, { recursive: true, force: true });
  }
}

function filesOf(name: string, fresh: Stanza): string {
  const files = join(POOL, name, versionOf(fresh), 'files');
  if (existsSync(files)) return files;
  throw new AptError(`E: Failed to fetch ${name} ${versionOf(fresh)}: it is gone from the repository`);
}

/** Each file is copied beside its place and renamed over it: what runs keeps the old inode, as on a real system. */
function unpack({ name, old, fresh }: Wanted, say: Say): void {
  const files = filesOf(name, fresh);
  say(`Preparing to unpack ${name} ${versionOf(fresh)} ...`);
  const paths = globSync('**/*', { cwd: files }).filter((path) => statSync(join(files, path)).isFile());
  for (const path of paths) {
    const target = path;
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(join(files, path), `${target}.dpkg-new`);
    chmodSync(`${target}.dpkg-new`, statSync(join(files, path)).mode);
    renameSync(`${target}.dpkg-new`, target);
  }
  writeWhole(
    `var/lib/dpkg/info/${name}.list`,
    `/.\n${paths
      .map((path) => `/${path}`)
      .sort()
      .join('\n')}\n`,
  );
  const others = readStanzas(STATUS).filter((stanza) => stanza.get('Package') !== name);
  const entry: Stanza = new Map([['Package', name], ['Status', 'install ok installed'], ...fresh]);
  const all = [...others, entry].sort((a, b) => (a.get('Package')! < b.get('Package')! ? -1 : 1));
  writeWhole(STATUS, formatStanzas(all));
  const log = `${new Date().toISOString()} ${old ? 'upgrade' : 'install'} ${name} ${versionOf(old) || '<none>'} ${versionOf(fresh)}\n`;
  appendFileSync('var/log/dpkg.log', log);
  say(`Setting up ${name} (${versionOf(fresh)}) ...`);
}

function policy(names: string[], say: Say): void {
  for (const name of names) {
    const [old, candidates] = [installed(name), offered(name)];
    if (!old && !candidates.length) continue;
    const newest = [...candidates.map(versionOf), ...(old ? [versionOf(old)] : [])].sort(compareVersions).at(-1);
    say(`${name}:\n  Installed: ${versionOf(old) || '(none)'}\n  Candidate: ${newest}\n  Version table:`);
    for (const stanza of candidates)
      say(
        ` ${versionOf(stanza) === versionOf(old) ? '***' : '   '} ${versionOf(stanza)} 0\n        500 http://demo.invalid stable/main amd64 Packages`,
      );
  }
}

/**
 * Answers one `apt-get` or `apt-cache` command line, for the forms a fleet tool uses. The repository is a directory on
 * the host: /srv/apt/NAME/VERSION/control and the package's files below …/files. As with the real one, what can be
 * installed is what the last `apt-get update` saw.
 */
export function apt(tool: string, argv: string[]): Reply {
  const lines: string[] = [];
  const reply = (code: number, stderr: string): Reply => ({
    code,
    stdout: lines.map((line) => `${line}\n`).join(''),
    stderr,
  });
  try {
    answer(tool, argv, (line) => void lines.push(line));
    return reply(0, '');
  } catch (error) {
    return reply(100, `${error instanceof AptError ? error.message : `E: ${(error as Error).message}`}\n`);
  }
}

function answer(tool: string, argv: string[], say: Say): void {
  const flags = new Set(argv.filter((word) => word.startsWith('-')));
  const [verb, ...words] = argv.filter((word) => !word.startsWith('-'));
  if (tool === 'apt-get' && verb === 'update') return update(say);
  if (tool === 'apt-get' && verb === 'install' && words.length) return install(words, flags, say);
  if (tool === 'apt-cache' && verb === 'policy' && words.length) return policy(words, say);
  throw new AptError(`E: Invalid operation ${verb ?? ''}`);
}
