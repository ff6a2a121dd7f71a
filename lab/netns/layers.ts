/** Packages on top of a release, for hosts that need more: made once, kept in the cache as an overlay's directory. */
import { createHash } from 'node:crypto';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Archive } from './archive.ts';
import { bounded } from './bounded.ts';
import { partialOf } from './partial.ts';
import { netnsPath, type Place } from './place.ts';
import { rootfsDir } from './rootfs.ts';
import { LAB_ADDRESS, MIRROR_PORT, type HostSpec } from './spec.ts';

type Layered = Pick<HostSpec, 'name' | 'release' | 'layer'>;

const SCRIPT = join(import.meta.dirname, 'guest/layer.sh');

/** The directories below a host's own, the uppermost first. Its release has been made, and the mirror is up. */
export async function makeLowers(place: Place, archive: Archive, spec: Layered): Promise<string[]> {
  const rootfs = rootfsDir(place, spec.release);
  if (!spec.layer) return [rootfs];
  const { install, remove = [], newer } = spec.layer;
  const wanted = [rootfs, install, '-', remove, ...(newer ? ['+', newer] : [])].join(' ');
  const key = createHash('sha256').update(wanted).digest('hex').slice(0, 12);
  const final = join(place.cache, 'layers', `${spec.release}-${key}`);
  if (!existsSync(final)) await make(place, archive, spec, rootfs, final);
  return [join(final, 'upper'), rootfs];
}

async function make(place: Place, archive: Archive, spec: Layered, rootfs: string, final: string): Promise<void> {
  const { install, remove = [], newer = [] } = spec.layer!;
  const partial = partialOf(final);
  const mirror = `deb http://${LAB_ADDRESS}:${MIRROR_PORT}`;
  const source = `${mirror}/debian ${spec.release} main`;
  const security = archive.security ? `${mirror}/debian-security ${spec.release}-security main` : '';
  const ran = await bounded(
    place,
    `packages of ${basename(final)}`,
    [SCRIPT, partial, rootfs, source, install.join(' '), remove.join(' '), security, newer.join(' ')],
    { net: netnsPath(place.name), input: [...APT, ...archive.options, ''].join('\n') },
  );
  if (ran.code !== 0) {
    rmSync(partial, { recursive: true, force: true });
    throw new Error(
      `The packages of ${spec.name} cannot be installed: ${(ran.stderr || ran.stdout).trim().slice(-800)}`,
    );
  }
  renameSync(partial, final);
}

/** Settings of the apt that installs for a host that is not up. */
export const APT = [
  'Dir::Etc::SourceList "/run/layer.list";',
  'Dir::Etc::SourceParts "/dev/null";',
  'Dir::State::Lists "/run/lists";',
  'Dir::Cache "/run/cache";',
  'Acquire::Languages "none";',
  'APT::Sandbox::User "root";',
  // A layer that is cut off is thrown away: nothing in it needs to be safe on disk before it is whole.
  'DPkg::Options { "--force-unsafe-io"; };',
];
