import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where one lab lives. Two labs with different names and run directories do not touch each other. */
export interface Place {
  /** the namespace with the bridges; those of the hosts are called NAME-HOST */
  name: string;
  /** what was made once and is used again: root file systems, packages */
  cache: string;
  /** what this lab writes; removed by `down` */
  run: string;
}

/** Interface names have at most 15 characters, and the bridge is NAME plus a digit. */
const NAME = /^[a-z][a-z0-9]{0,9}$/;

export function placeOf(env: NodeJS.ProcessEnv): Place {
  const name = env['LASTEMBER_LAB_NAME'] ?? 'lemlab';
  if (!NAME.test(name)) throw new Error(`LASTEMBER_LAB_NAME is up to ten small letters and digits, not "${name}".`);
  const run = env['LASTEMBER_LAB_RUN'] ?? '/run/lastember-lab';
  const cache = env['LASTEMBER_LAB_CACHE'] ?? '/var/cache/lastember-lab';
  for (const dir of [run, cache])
    if (!/^\/[\w.+/-]+$/.test(dir) || dir.split('/').length < 3)
      throw new Error(`"${dir}" cannot be the lab's: give an absolute path below some directory, of plain letters.`);
  return { name, run, cache };
}

export const namespaceOf = (place: Place, host: string): string => `${place.name}-${host}`;
export const netnsPath = (namespace: string): string => `/run/netns/${namespace}`;
export const hostDir = (place: Place, host: string): string => join(place.run, 'hosts', host);

/** Every process of a lab that we start carries this in its environment, so that `down` finds it without any notes. */
export const MARK = 'LASTEMBER_LAB_PART';
export const markOf = (place: Place, part: string): string => `${place.name}:${place.run}:${part}`;

const TOOLS: Readonly<Record<string, string>> = {
  mmdebstrap: 'mmdebstrap',
  ip: 'iproute2',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  mount: 'mount',
};

/** Why there can be no lab on this machine; null when there can. */
export function whyNot(env: NodeJS.ProcessEnv): string | null {
  if (process.platform !== 'linux') return 'The lab is made of Linux namespaces: it needs Linux.';
  if (process.geteuid?.() !== 0) return 'The lab needs root: it makes network namespaces and mounts. Run it with sudo.';
  const missing = Object.keys(TOOLS).filter((tool) => !onPath(tool, env['PATH'] ?? ''));
  if (missing.length === 0) return null;
  const packages = [...new Set(missing.map((tool) => TOOLS[tool]!))].sort().join(' ');
  return `The lab needs ${missing.join(', ')}, not found on PATH. On Debian: apt-get install ${packages}`;
}

export function onPath(tool: string, path: string): boolean {
  return path.split(delimiter).some((dir) => {
    try {
      accessSync(join(dir, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
