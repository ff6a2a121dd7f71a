/** One root file system with every server of the table: packages taken apart, none of their scripts run. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Archive } from '../archive.ts';
import { bounded } from '../bounded.ts';
import { partialOf } from '../partial.ts';
import type { Place } from '../place.ts';

const SCRIPT = join(import.meta.dirname, 'root.sh');
const RELEASE = 'bookworm';

/** What the start scripts and the servers themselves need beside their packages. */
const BASE = [
  'base-passwd',
  'bash',
  'coreutils',
  'grep',
  'iproute2',
  'libc-bin',
  'mount',
  'openssl',
  'sed',
  'util-linux',
];

/** Packages that are there, with what they depend on, and packages that may not be installed beside those. */
export interface Wanted {
  packages: readonly string[];
  /** without what they depend on, which has to be among the others */
  alone: readonly string[];
}

export const serversRootDir = (place: Place, wanted: Wanted): string => {
  const key = createHash('sha256')
    .update(JSON.stringify(wanted))
    .update(readFileSync(SCRIPT))
    .digest('hex')
    .slice(0, 12);
  return join(place.cache, 'servers', `${RELEASE}-${key}`);
};

/**
 * Servers that exclude each other as packages (three mail servers, say) lie side by side here, which no installation
 * allows; and nothing needs configuring, because the table brings the settings. `etc/lab-versions` says what is there.
 */
export async function makeServersRoot(place: Place, archive: Archive, wanted: Wanted): Promise<string> {
  const final = serversRootDir(place, wanted);
  if (existsSync(final)) return final;
  const partial = partialOf(final);
  const signed = archive.keyring ? `[signed-by=${archive.keyring}] ` : '';
  const ran = await bounded(place, 'making the servers', ['/bin/bash', SCRIPT, partial], {
    input: [
      `deb ${signed}${archive.main} ${RELEASE} main`,
      [...new Set([...BASE, ...wanted.packages])].sort().join(' '),
      wanted.alone.join(' '),
      ...archive.options,
      '',
    ].join('\n'),
  });
  if (ran.code !== 0) {
    rmSync(partial, { recursive: true, force: true });
    throw new Error(
      `The servers cannot be made from this machine's mirror (${archive.main}): ${ran.stderr.trim().slice(-800)}`,
    );
  }
  renameSync(partial, final);
  return final;
}
