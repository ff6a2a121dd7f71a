/** Root file systems of releases: made once with mmdebstrap, kept in the cache, never written again. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Archive } from './archive.ts';
import { bounded } from './bounded.ts';
import { partialOf } from './partial.ts';
import type { Place } from './place.ts';

export const RELEASES = ['bullseye', 'bookworm', 'trixie'] as const;
export type Release = (typeof RELEASES)[number];

/** What every host has. Hosts are without systemd: guest/init.sh starts services through their own init scripts. */
const PACKAGES = [
  'ca-certificates',
  'cron',
  'iproute2',
  'nginx-light',
  'openssh-server',
  'openssl',
  'procps',
  'python3-minimal',
  'sudo',
];

export function rootfsDir(place: Place, release: Release): string {
  const key = createHash('sha256').update(PACKAGES.join(' ')).digest('hex').slice(0, 8);
  return join(place.cache, 'rootfs', `${release}-${key}`);
}

/**
 * Runs in the machine's own network. From the main suite alone, so that the hosts have security updates to install.
 * A directory under its final name is complete: it is made under another.
 */
export async function makeRootfs(place: Place, archive: Archive, release: Release): Promise<string> {
  const final = rootfsDir(place, release);
  if (existsSync(final)) return final;
  mkdirSync(join(place.cache, 'rootfs'), { recursive: true, mode: 0o755 });
  const partial = partialOf(final);
  const ran = await bounded(place, `making ${release}`, [
    'mmdebstrap',
    '--variant=minbase',
    '--mode=root',
    '--format=directory',
    `--include=${PACKAGES.join(',')}`,
    ...(archive.keyring ? [`--keyring=${archive.keyring}`] : []),
    ...archive.options.map((option) => `--aptopt=${option}`),
    release,
    partial,
    `deb ${archive.main} ${release} main`,
  ]);
  if (ran.code !== 0) {
    rmSync(partial, { recursive: true, force: true });
    throw new Error(`${release} cannot be made from this machine's mirror (${archive.main}): ${why(ran.stderr)}`);
  }
  forgetIdentity(partial);
  renameSync(partial, final);
  return final;
}

/** Host keys belong to one host, not to a release. */
function forgetIdentity(root: string): void {
  const ssh = join(root, 'etc/ssh');
  for (const name of readdirSync(ssh)) if (name.startsWith('ssh_host_')) rmSync(join(ssh, name));
  rmSync(join(root, 'etc/machine-id'), { force: true });
}

const why = (stderr: string): string =>
  stderr
    .split('\n')
    .filter((line) => line.startsWith('E: '))
    .join(' ')
    .slice(0, 600) || stderr.trim().slice(-600);
