import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, lchown, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { AppError } from '../../../model/errors/index.ts';
import { ROLES, type Secrets } from '../provision.ts';
import type { Binaries } from './binaries.ts';
import { type RunAs, saysDiskFull, type StatePaths, unusable } from './paths.ts';

/** initdb insists on a user with an account; this one has one everywhere. */
const NOBODY = 65_534;

/** Makes the cluster if there is none. A half-made one (power cut, full disk) never counts: it is made aside. */
export async function ensureCluster(paths: StatePaths, binaries: Binaries, who: RunAs | null): Promise<void> {
  const version = await readFile(join(paths.data, 'PG_VERSION'), 'utf8').catch(() => null);
  if (version !== null) {
    const found = version.trim();
    if (found === binaries.major) return;
    throw new AppError('DATABASE_VERSION', { path: paths.data, found, have: binaries.major });
  }
  const secrets = await loadSecrets(paths.secrets);
  const fresh = `${paths.data}.tmp`;
  await rm(fresh, { recursive: true, force: true });
  // With the server's group, which may enter the data directory.
  const maker = who ? { uid: NOBODY, gid: who.gid } : null;
  const passwordFile = `${paths.root}/.initdb-password`;
  try {
    await mkdir(fresh, { mode: 0o700 });
    await writeFile(passwordFile, `${secrets.root}\n`, { mode: 0o600 });
    if (maker) for (const path of [fresh, passwordFile]) await chown(path, maker.uid, maker.gid);
    await initdb(binaries, fresh, passwordFile, maker);
    if (who) await chownTree(fresh, who);
    await rename(fresh, paths.data);
    await syncDir(dirname(paths.data));
  } catch (error) {
    await rm(fresh, { recursive: true, force: true }).catch(() => undefined);
    throw error instanceof AppError ? error : unusable(paths.root, error);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function initdb(binaries: Binaries, data: string, passwordFile: string, who: RunAs | null): Promise<void> {
  const args = [
    '-D',
    data,
    '-U',
    ROLES.root,
    '--auth=scram-sha-256',
    `--pwfile=${passwordFile}`,
    '-E',
    'UTF8',
    '--locale=C',
  ];
  // The builtin collation does not depend on the system's locales; it came with version 17.
  if (Number(binaries.major) >= 17) args.push('--locale-provider=builtin', '--builtin-locale=C.UTF-8');
  let result = await run(binaries.initdb, args, who);
  if (result.code !== 0 && !who && !hasAccount()) {
    // A user without an account (containers with an arbitrary uid): in a user namespace we can be nobody.
    result = await run(
      'unshare',
      ['-U', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, binaries.initdb, ...args],
      null,
    );
  }
  if (result.code === 0) return;
  const why =
    result.output.match(/(?:error|fatal): .*/i)?.[0] ?? result.output.trim().split('\n').at(-1) ?? 'no output';
  if (saysDiskFull(result.output)) throw new AppError('DATABASE_DISK_FULL', { why });
  throw new AppError('DATABASE_INIT', { path: data, why });
}

function hasAccount(): boolean {
  try {
    userInfo();
    return true;
  } catch {
    return false;
  }
}

function run(file: string, args: string[], who: RunAs | null): Promise<{ code: number; output: string }> {
  const options = {
    cwd: '/',
    env: { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    ...(who ? { uid: who.uid, gid: who.gid } : {}),
  };
  return new Promise((resolve) => {
    execFile(file, args, options, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : 1) : 0;
      resolve({ code, output: `${stderr}${stdout}${error && !stderr ? error.message : ''}` });
    });
  });
}

/** initdb ran as nobody; from here on the files belong to the database's own user. */
async function chownTree(path: string, who: RunAs): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) await chownTree(child, who);
    else await lchown(child, who.uid, who.gid);
  }
  await chown(path, who.uid, who.gid);
}

async function syncDir(path: string): Promise<void> {
  const directory = await open(path, 'r');
  await directory.sync().finally(() => directory.close());
}

/** Random passwords of the roles, made before the cluster and readable by us only. */
export async function loadSecrets(path: string): Promise<Secrets> {
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text !== null) return JSON.parse(text) as Secrets;
  const random = (): string => randomBytes(24).toString('base64url');
  const secrets: Secrets = { root: random(), owner: random(), app: random() };
  try {
    const file = await open(`${path}.tmp`, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify(secrets));
      await file.sync();
    } finally {
      await file.close();
    }
    await chmod(`${path}.tmp`, 0o600);
    await rename(`${path}.tmp`, path);
  } catch (error) {
    throw unusable(path, error);
  }
  return secrets;
}
