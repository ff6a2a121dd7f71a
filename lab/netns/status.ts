import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { find, type FoundProcess } from './found.ts';
import { ALL_HOSTS, HOSTS } from './hosts.ts';
import { readyPath } from './machine/start.ts';
import { hostDir, type Place } from './place.ts';
import { addressOf } from './spec.ts';
import { findInit } from './start.ts';
import { readState } from './state.ts';

export interface HostStatus {
  name: string;
  release: string;
  address: string;
  state: 'up' | 'starting' | 'down';
  pid: number | null;
  bootId: string | null;
  /** services that did not start */
  failed: string[];
  about: string;
}

export interface Status {
  namespace: string;
  /** private key that logs in to hosts */
  key: string;
  mirror: 'up' | 'down';
  doing: string | null;
  hosts: HostStatus[];
  strangers: FoundProcess[];
}

export function status(place: Place): Status {
  const found = find(place);
  return {
    namespace: place.name,
    key: join(place.run, 'key'),
    mirror: found.processes.some(({ part }) => part === 'mirror') ? 'up' : 'down',
    doing: readState(place)?.doing ?? null,
    hosts: ALL_HOSTS.filter((spec) => HOSTS.includes(spec) || findInit(place, spec.name) !== null).map((spec) => {
      const pid = findInit(place, spec.name);
      const inside = `/proc/${pid}/root/run/lab`;
      const ready = spec.machine ? readyPath(place, spec.name) : `${inside}/ready`;
      const state = pid === null ? 'down' : read(ready) === null ? 'starting' : 'up';
      return {
        name: spec.name,
        release: spec.release,
        address: addressOf(spec),
        state,
        pid,
        bootId:
          pid === null ? null : (read(join(hostDir(place, spec.name), 'sysctl/kernel.random.boot_id'))?.trim() ?? null),
        failed: pid === null || spec.machine ? [] : (read(`${inside}/failed`) ?? '').split('\n').filter(Boolean),
        about: spec.about,
      };
    }),
    strangers: found.strangers,
  };
}

export function statusText(status: Status): string {
  const rows = status.hosts.map((host) => {
    const wrong = host.failed.length > 0 ? ` (did not start: ${host.failed.join(', ')})` : '';
    return [host.name, host.release, host.address, host.state + wrong, host.about];
  });
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const doing = status.doing ? [`${status.doing}: under way, or cut off`] : [];
  return [`namespace ${status.namespace}, mirror ${status.mirror}, key ${status.key}`, ...doing, ...lines, ''].join(
    '\n',
  );
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
