import type { Component, Inventory, Program } from './contract.ts';
import { runsOf } from './contract.ts';
import { absolute, nameOf, parentOf, type Disk } from './bounds.ts';
import { zipEntries, type ZipEntry } from './zip.ts';

const ARCHIVE = /\.(?:jar|war|ear)$/;
const POM = /^META-INF\/maven\/[^/]+\/[^/]+\/pom\.properties$/;
const JAR_LIMIT = 128 * 1024 * 1024;
/** Of one archive with all that is in it, so that no archive unpacks for ever: bytes that come out, and entries. */
const NESTED_BYTES = 256 * 1024 * 1024;
const NESTED_ENTRIES = 5000;
/** Of one entry. */
const UNPACKED_LIMIT = 64 * 1024 * 1024;
/** A few lines of text. */
const PROPERTIES_LIMIT = 65_536;
const DEPTH = 3;
const NAME_LIMIT = 500;
/** Applications keep theirs in one directory; the distribution's shared ones are packages. */
const SHARED = /^\/usr\/(?:share|lib)\/(?:java|maven-repo)\b/;

/** Maven artifacts of the archives that a Java program runs from, archives in archives included. */
export const jar: Inventory = {
  ecosystem: 'Maven',
  runs: runsOf(/\/java$/, /\/libjvm\.so$/),
  async collect(program) {
    const found: Component[] = [];
    for (const path of await archivesOf(program)) found.push(...(await componentsOf(program, path)));
    return found;
  },
};

/** What it was started with, what it has open, and what lies beside those. */
async function archivesOf(program: Program): Promise<string[]> {
  const { process, disk, cwd } = program;
  const home = process.exe === null ? null : parentOf(parentOf(process.exe));
  const isOwn = (path: string): boolean => ARCHIVE.test(path) && !SHARED.test(path) && !isOfJava(path, home);
  const { files, directories } = named(program.argv);
  const open = process.maps.map((file) => file.path);
  const found = new Set(
    [...files, ...open, ...(await openFiles(program))].map((path) => absolute(path, cwd)).filter(isOwn),
  );
  const beside = new Set([...directories.map((path) => absolute(path, cwd)), ...[...found].map(parentOf)]);
  for (const directory of beside) {
    for (const name of await disk.list(directory)) if (isOwn(`${directory}/${name}`)) found.add(`${directory}/${name}`);
  }
  return [...found].sort();
}

/** The runtime's own archives are part of a package or of one download, not libraries of the program. */
const isOfJava = (path: string, home: string | null): boolean =>
  home !== null && home.length > '/usr/lib'.length && path.startsWith(`${home}/`);

/** `-jar X`, class paths with `dir/*`, agents, and where Tomcat and Jetty are told that their libraries are. */
export function named(argv: readonly string[]): { files: string[]; directories: string[] } {
  const files: string[] = [];
  const directories: string[] = [];
  for (const [index, word] of argv.entries()) {
    const previous = argv[index - 1] ?? '';
    const agent = /^-javaagent:([^=]+)/.exec(word)?.[1];
    const base = /^-D(?:catalina\.(?:base|home)|jetty\.(?:base|home))=(.+)$/.exec(word)?.[1];
    if (agent !== undefined) files.push(agent);
    else if (base !== undefined) directories.push(`${base}/lib`, `${base}/webapps`, `${base}/webapps/ROOT/WEB-INF/lib`);
    else if (previous === '-jar') files.push(word);
    else if (/^-{1,2}(?:cp|classpath|class-path)$/.test(previous)) {
      for (const part of word.split(':')) (part.endsWith('/*') ? directories : files).push(part.replace(/\/\*$/, ''));
    }
  }
  return { files, directories };
}

async function openFiles({ process, disk }: Program): Promise<string[]> {
  const names = await disk.host.list(`/proc/${process.pid}/fd`).catch(() => null);
  const links = await Promise.all(
    (names ?? []).slice(0, 4096).map((name) => disk.host.readlink(`/proc/${process.pid}/fd/${name}`).catch(() => null)),
  );
  return links.flatMap((link) => (link === null ? [] : [disk.host.shown(link)]));
}

async function componentsOf({ disk, kept }: Program, path: string): Promise<Component[]> {
  const stat = await disk.stamp(path);
  if (stat?.kind !== 'file') return [];
  if (stat.size > JAR_LIMIT) {
    disk.note(path);
    return byName(path);
  }
  const read = await kept(`jar ${disk.prefix}${path}`, stat.stamp, () => readArchive(disk, path, stat.size));
  if (read === null || !read.whole) disk.note(path);
  return read?.components ?? byName(path);
}

interface Read {
  components: Component[];
  /** false: something in it could not be looked at */
  whole: boolean;
}

/** Null: not now. Nothing is kept of that; the next look may have the time for it. */
async function readArchive(disk: Disk, path: string, size: number): Promise<Read | null> {
  const bytes = await disk.bytes(path, size);
  if (bytes === null) return null;
  const unpacker = new Unpacker(disk, path);
  const components = await unpacker.inArchive(bytes, path, 0);
  return { components, whole: unpacker.whole };
}

/** One archive with all that is in it. */
class Unpacker {
  whole = true;
  readonly #disk: Disk;
  readonly #path: string;
  #bytes = NESTED_BYTES;
  #entries = NESTED_ENTRIES;

  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#path = path;
  }

  /** Each artifact says who it is in its pom.properties; archives of several hold several. */
  async inArchive(bytes: Uint8Array, path: string, depth: number): Promise<Component[]> {
    const entries = zipEntries(bytes);
    if (entries === null) {
      this.whole = false;
      return byName(path);
    }
    const named = entries.filter(({ name }) => name.length <= NAME_LIMIT);
    this.whole &&= named.length === entries.length;
    const told = await this.#told(named, path);
    const found = told.length > 0 ? told : byName(path);
    const nested = named.filter(({ name }) => ARCHIVE.test(name));
    if (depth >= DEPTH) this.whole &&= nested.length === 0;
    for (const entry of depth >= DEPTH ? [] : nested) {
      if (this.#isSpent()) break;
      const at = `${path}!/${entry.name}`;
      const inner = await this.#unpack(entry, UNPACKED_LIMIT);
      found.push(...(inner === null ? byName(at) : await this.inArchive(inner, at, depth + 1)));
    }
    return found;
  }

  async #told(entries: readonly ZipEntry[], path: string): Promise<Component[]> {
    const found: Component[] = [];
    for (const entry of entries.filter(({ name }) => POM.test(name))) {
      if (this.#isSpent()) break;
      const text = Buffer.from((await this.#unpack(entry, PROPERTIES_LIMIT)) ?? []).toString('utf8');
      found.push(...byProperties(text, path));
    }
    return found;
  }

  #isSpent(): boolean {
    // Noted, so that what was cut short by the clock is not kept as if it were all.
    if (this.#disk.late()) this.#disk.note(this.#path);
    const spent = this.#entries <= 0 || this.#bytes <= 0 || this.#disk.late();
    if (spent) this.whole = false;
    return spent;
  }

  /** What really comes out of it counts; of what broke off, what may have. */
  async #unpack(entry: ZipEntry, limit: number): Promise<Uint8Array | null> {
    const most = Math.min(limit, this.#bytes);
    this.#entries -= 1;
    try {
      const bytes = await entry.read(most);
      this.#bytes -= bytes.length;
      return bytes;
    } catch {
      this.#bytes -= Math.min(most, entry.atMost);
      this.whole = false;
      return null;
    }
  }
}

function byProperties(text: string, path: string): Component[] {
  const property = (name: string): string | undefined =>
    new RegExp(String.raw`^${name}[ \t]*[=:][ \t]*(\S{1,300})`, 'm').exec(text)?.[1];
  const [group, artifact, version] = ['groupId', 'artifactId', 'version'].map(property);
  if (!group || !artifact || !version) return [];
  return [{ ecosystem: 'Maven', name: `${group}:${artifact}`, version, path }];
}

/** `log4j-core-2.14.1.jar` does not say whose group it is of. */
function byName(path: string): Component[] {
  const name = nameOf(path);
  const match = name.length > NAME_LIMIT ? null : /^(.+?)-(\d[\w.+-]*)\.[jwe]ar$/.exec(name);
  return match ? [{ ecosystem: 'Maven', name: match[1]!, version: match[2]!, path }] : [];
}
