import { join } from 'node:path';

/** What the supervisor of one demo host is told about the "hardware" it is. Everything else is read from its tree. */
export interface Machine {
  /** the host's root directory */
  root: string;
  address: string;
  sshPort: number;
}

export const PATH_DIRS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'] as const;

/** Where commands reach the supervisor, relative to the root. */
export const BUS = 'run/systemd';

export function inTree(machine: Pick<Machine, 'root'>, path: string): string {
  return join(machine.root, path);
}

/** Environment of everything that runs on the host: nothing of ours but the compile cache. */
export function guestEnvironment(machine: Pick<Machine, 'root'>): Record<string, string> {
  const cache = process.env['NODE_COMPILE_CACHE'];
  return {
    PATH: PATH_DIRS.map((dir) => join(machine.root, dir)).join(':'),
    HOME: '/root',
    LANG: 'C',
    LASTEMBER_HOST_ROOT: machine.root,
    ...(cache ? { NODE_COMPILE_CACHE: cache } : {}),
  };
}
