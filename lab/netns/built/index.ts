/** What no archive has: built from a release's source, kept in the cache as an overlay's directory. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Archive } from '../archive.ts';
import { bounded } from '../bounded.ts';
import { APT, makeLowers } from '../layers.ts';
import { partialOf } from '../partial.ts';
import { netnsPath, type Place } from '../place.ts';
import { makeRootfs, type Release } from '../rootfs.ts';
import { LAB_ADDRESS, MIRROR_PORT, type Built } from '../spec.ts';

interface Recipe {
  /** with recipe.sh, and what that takes */
  directory: string;
  /** whose source it is, and whose tools build it */
  release: Release;
  tools: readonly string[];
}

const TOOLS = ['gcc', 'libc6-dev', 'make', 'perl'];

const RECIPES: Readonly<Record<Built, Recipe>> = {
  kernels: {
    directory: join(import.meta.dirname, '../machine/kernels'),
    release: 'bullseye',
    tools: [...TOOLS, 'bc', 'bison', 'flex', 'libelf-dev', 'linux-source-5.10', 'xz-utils'],
  },
  openssl: {
    directory: join(import.meta.dirname, 'openssl'),
    release: 'bullseye',
    tools: [...TOOLS, 'zlib1g-dev'],
  },
};

const SCRIPT = join(import.meta.dirname, 'build.sh');

/** The directory to lay over a host's other ones. The mirror is up. */
export async function makeBuilt(place: Place, archive: Archive, name: Built): Promise<string> {
  const recipe = RECIPES[name];
  const final = join(place.cache, 'built', `${name}-${keyOf(recipe)}`);
  if (!existsSync(final)) await make(place, archive, name, final);
  return join(final, 'upper');
}

function keyOf({ directory, ...rest }: Recipe): string {
  const files = readdirSync(directory).sort();
  const hash = createHash('sha256').update(JSON.stringify([rest, files]));
  for (const path of [SCRIPT, ...files.map((file) => join(directory, file))]) hash.update(readFileSync(path));
  return hash.digest('hex').slice(0, 12);
}

async function make(place: Place, archive: Archive, name: Built, final: string): Promise<void> {
  const { directory, release, tools } = RECIPES[name];
  await makeRootfs(place, archive, release);
  const lowers = await makeLowers(place, archive, { name: `the build of ${name}`, release, layer: { install: tools } });
  const partial = partialOf(final);
  const mirror = `http://${LAB_ADDRESS}:${MIRROR_PORT}/debian ${release} main`;
  const ran = await bounded(
    place,
    `building ${basename(final)}`,
    [SCRIPT, partial, lowers.join(':'), directory, `deb ${mirror}\ndeb-src ${mirror}`],
    { net: netnsPath(place.name), input: [...APT, ...archive.options, ''].join('\n') },
  );
  if (ran.code !== 0) {
    rmSync(partial, { recursive: true, force: true });
    throw new Error(`${name} of ${release}'s source cannot be built: ${(ran.stderr || ran.stdout).trim().slice(-800)}`);
  }
  renameSync(partial, final);
}
