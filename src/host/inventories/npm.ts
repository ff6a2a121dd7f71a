import type { Component, Inventory, Program } from './contract.ts';
import { runsOf } from './contract.ts';
import { absolute, parentOf, type Disk } from './bounds.ts';

/** Options of node that take the next word. */
const WITH_VALUE =
  /^(?:-r|--require|--import|--loader|--experimental-loader|-C|--conditions|--env-file|--inspect-port|--title)$/;
const DEPTH = 12;
const LINKS = 5;

/** npm packages that a Node program can load: those beside its script. */
export const npm: Inventory = {
  ecosystem: 'npm',
  runs: runsOf(/\/(?:node|nodejs|bun)$/, /\/libnode\.so/),
  async collect(program) {
    const script = await scriptOf(program);
    const found: Component[] = [];
    for (const root of await rootsOf(program.disk, script ?? `${program.cwd}/.`))
      found.push(...(await inRoot(program, root)));
    return found;
  },
};

async function scriptOf({ argv, cwd, disk }: Program): Promise<string | null> {
  let index = 1;
  while (argv[index]?.startsWith('-')) index += WITH_VALUE.test(argv[index]!) ? 2 : 1;
  if (argv[index] === undefined || argv.some((word) => /^(?:-e|-p|--eval|--print)$/.test(word))) return null;
  let path = absolute(argv[index]!, cwd);
  // Commands in bin directories are links into the package.
  for (let links = 0; links < LINKS; links += 1) {
    const target = await disk.link(path);
    if (target === null) break;
    path = absolute(target, parentOf(path));
  }
  return path;
}

/** Directories whose node_modules Node looks in, as long as they are of the same program. */
async function rootsOf(disk: Disk, script: string): Promise<string[]> {
  const roots: string[] = [];
  for (let at = parentOf(script); at !== '/'; at = parentOf(at)) {
    const names = at.endsWith('/node_modules') ? [] : await disk.list(at);
    if (names.includes('node_modules') || (roots.length === 0 && names.includes('package.json'))) roots.push(at);
    // A command that was installed on its own is all of its program; what lies beside it is others'.
    if (roots.length > 0 && parentOf(at).endsWith('/node_modules')) break;
  }
  return roots;
}

async function inRoot({ disk, kept }: Program, root: string): Promise<Component[]> {
  const lock = `${root}/node_modules/.package-lock.json`;
  const stat =
    (await disk.stamp(lock)) ??
    (await disk.stamp(`${root}/node_modules`)) ??
    (await disk.stamp(`${root}/package.json`));
  if (stat === null) return [];
  return kept(`npm ${disk.prefix}${root}`, stat.stamp, async () => {
    const own = await packageAt(disk, root);
    return [
      ...own,
      ...((await byLock(disk, root, lock)) ?? (await byStore(disk, root)) ?? (await walk(disk, root, 0))),
    ];
  });
}

/** npm writes down what it put there, all in one file. */
async function byLock(disk: Disk, root: string, lock: string): Promise<Component[] | null> {
  const text = await disk.text(lock, 32 * 1024 * 1024);
  const packages =
    text === null
      ? null
      : (json(text)['packages'] as Record<string, { version?: unknown; name?: unknown }> | undefined);
  if (!packages || typeof packages !== 'object') return null;
  return Object.entries(packages).flatMap(([path, entry]) => {
    const name = typeof entry?.name === 'string' ? entry.name : path.slice(path.lastIndexOf('node_modules/') + 13);
    if (!path.includes('node_modules/') || typeof entry?.version !== 'string') return [];
    return [{ ecosystem: 'npm' as const, name, version: entry.version, path: `${root}/${path}` }];
  });
}

/** pnpm: `.pnpm/@scope+name@1.2.3_peers` */
async function byStore(disk: Disk, root: string): Promise<Component[] | null> {
  const store = `${root}/node_modules/.pnpm`;
  const names = await disk.list(store);
  if (names.length === 0) return null;
  return names.flatMap((entry) => {
    const match = /^(@?[^@]+)@(\d[^_(]*)/.exec(entry);
    if (!match) return [];
    return [
      { ecosystem: 'npm' as const, name: match[1]!.replace('+', '/'), version: match[2]!, path: `${store}/${entry}` },
    ];
  });
}

async function walk(disk: Disk, root: string, depth: number): Promise<Component[]> {
  if (depth > DEPTH) return [];
  const found: Component[] = [];
  for (const name of await disk.list(`${root}/node_modules`)) {
    if (name.startsWith('.')) continue;
    const at = `${root}/node_modules/${name}`;
    const inner = name.startsWith('@') ? (await disk.list(at)).map((one) => `${at}/${one}`) : [at];
    for (const path of inner) found.push(...(await packageAt(disk, path)), ...(await walk(disk, path, depth + 1)));
  }
  return found;
}

async function packageAt(disk: Disk, path: string): Promise<Component[]> {
  const { name, version } = json((await disk.text(`${path}/package.json`)) ?? '');
  if (typeof name !== 'string' || typeof version !== 'string') return [];
  return [{ ecosystem: 'npm', name, version, path }];
}

function json(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
