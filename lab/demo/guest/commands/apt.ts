/**
 * `apt-get` and `apt-cache` of a demo host, for the forms a fleet tool uses. The repository is a directory on the
 * host: /srv/apt/NAME/VERSION/control and the package's files below …/files. As with the real one, what can be
 * installed is what the last `apt-get update` saw.
 * Arguments: the host's root directory, `get` or `cache`, then the command's own.
 */
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
import { compareVersions, formatStanzas, readStanzas, writeWhole, type Stanza } from '../deb.ts';

const [root = '/', tool, ...argv] = process.argv.slice(2);
const STATUS = join(root, 'var/lib/dpkg/status');
const LISTS = join(root, 'var/lib/apt/lists/demo_Packages');
const POOL = join(root, 'srv/apt');
const LOCK = join(root, 'var/lib/dpkg/lock');

class AptError extends Error {}

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

function update(): void {
  const controls = globSync('*/*/control', { cwd: POOL }).sort();
  const stanzas = controls.flatMap((path) => readStanzas(join(POOL, path)));
  writeWhole(LISTS, formatStanzas(stanzas));
  console.log('Hit http://demo.invalid stable Release\nReading package lists... Done');
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

function install(words: string[], flags: Set<string>): void {
  const wanted = words.flatMap((word) => resolve(word, flags.has('--allow-downgrades')) ?? []);
  const simulate = flags.has('-s') || flags.has('--simulate');
  console.log('Reading package lists...\nBuilding dependency tree...');
  const upgraded = wanted.filter(({ old }) => old).length;
  console.log(`${upgraded} upgraded, ${wanted.length - upgraded} newly installed, 0 to remove and 0 not upgraded.`);
  for (const { name, old, fresh } of wanted) {
    const text = `${name} ${old ? `[${versionOf(old)}] ` : ''}(${versionOf(fresh)} Demo:stable [${fresh.get('Architecture')}])`;
    if (simulate)
      console.log(`Inst ${text}\nConf ${name} (${versionOf(fresh)} Demo:stable [${fresh.get('Architecture')}])`);
    else withLock(() => unpack(name, old, fresh));
  }
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

/** Each file is copied beside its place and renamed over it: what runs keeps the old inode, as on a real system. */
function unpack(name: string, old: Stanza | undefined, fresh: Stanza): void {
  const files = join(POOL, name, versionOf(fresh), 'files');
  if (!existsSync(files))
    throw new AptError(`E: Failed to fetch ${name} ${versionOf(fresh)}: it is gone from the repository`);
  console.log(`Preparing to unpack ${name} ${versionOf(fresh)} ...`);
  const paths = globSync('**/*', { cwd: files }).filter((path) => statSync(join(files, path)).isFile());
  for (const path of paths) {
    const target = join(root, path);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(join(files, path), `${target}.dpkg-new`);
    chmodSync(`${target}.dpkg-new`, statSync(join(files, path)).mode);
    renameSync(`${target}.dpkg-new`, target);
  }
  writeWhole(
    join(root, `var/lib/dpkg/info/${name}.list`),
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
  appendFileSync(join(root, 'var/log/dpkg.log'), log);
  console.log(`Setting up ${name} (${versionOf(fresh)}) ...`);
}

function policy(names: string[]): void {
  for (const name of names) {
    const [old, candidates] = [installed(name), offered(name)];
    if (!old && !candidates.length) continue;
    const newest = [...candidates.map(versionOf), ...(old ? [versionOf(old)] : [])].sort(compareVersions).at(-1);
    console.log(`${name}:\n  Installed: ${versionOf(old) || '(none)'}\n  Candidate: ${newest}\n  Version table:`);
    for (const stanza of candidates)
      console.log(
        ` ${versionOf(stanza) === versionOf(old) ? '***' : '   '} ${versionOf(stanza)} 0\n        500 http://demo.invalid stable/main amd64 Packages`,
      );
  }
}

function main(): void {
  const flags = new Set(argv.filter((word) => word.startsWith('-')));
  const [verb, ...words] = argv.filter((word) => !word.startsWith('-'));
  if (tool === 'get' && verb === 'update') return update();
  if (tool === 'get' && verb === 'install' && words.length) return install(words, flags);
  if (tool === 'cache' && verb === 'policy' && words.length) return policy(words);
  throw new AptError(`E: Invalid operation ${verb ?? ''}`);
}

try {
  main();
} catch (error) {
  console.error(error instanceof AptError ? error.message : `E: ${(error as Error).message}`);
  process.exitCode = 100;
}
