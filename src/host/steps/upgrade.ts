import { AppError } from '../../model/errors/index.ts';
import type { Host } from '../host.ts';
import { candidateVersions, heldAmong, installedVersions, refreshLists, simulate } from '../packages/apt.ts';
import type { Seen } from './contract.ts';
import { whole } from './unfinished.ts';
import { mustBeWritable } from './writable.ts';

/** Name → exact version. */
export type Wanted = Record<string, string>;
export interface Change {
  name: string;
  from: string | null;
  to: string;
}

/** What apt would change to get there, asked without changing it: of what is wanted, and with it. Null: it is there. */
export async function inspectUpgrade(
  host: Host,
  wanted: Wanted,
  resumed: Seen | null,
): Promise<{ own: Change[]; also: Change[] } | null> {
  await whole(host, resumed);
  const installed = await installedVersions(host);
  const left = Object.keys(wanted).filter((name) => installed.get(name) !== wanted[name]);
  if (left.length === 0) return null;
  // Half-installed packages of a try that was cut off are finished by apt; otherwise there must be what to upgrade.
  const absent = left.filter((name) => !installed.has(name));
  if (absent.length > 0 && resumed === null) throw new AppError('STEP_PACKAGE_ABSENT', { name: absent.join(', ') });
  const held = await heldAmong(host, left);
  await mustBeWritable(host);
  if (held.length > 0) throw new AppError('STEP_PACKAGE_HELD', { names: shortList(held) });
  await mustBeOffered(host, wanted, left);
  const { changes, removed } = await simulate(host, wanted);
  const planned = new Map(changes.map((change) => [change.name, change.to]));
  const other = left.filter((name) => planned.get(name) !== wanted[name]);
  if (other.length > 0)
    throw drift(
      other.map((name) => `${name}: plan says ${wanted[name]}, apt would install ${planned.get(name) ?? 'nothing'}`),
    );
  if (removed.length > 0)
    throw new AppError('STEP_WOULD_REMOVE', {
      packages: shortList(Object.entries(wanted).map(([name, version]) => `${name} ${version}`)),
      removed: removed.join(', '),
    });
  return {
    own: changes.filter((change) => change.name in wanted),
    also: changes.filter((change) => !(change.name in wanted)),
  };
}

const MOST_NAMED = 10;
const shortList = (all: readonly string[]): string =>
  all.length <= MOST_NAMED
    ? all.join(', ')
    : `${all.slice(0, MOST_NAMED).join(', ')} and ${all.length - MOST_NAMED} more`;
const drift = (lines: readonly string[]): AppError =>
  new AppError('STEP_DRIFT', { what: lines.slice(0, MOST_NAMED).join('; ') });

/** Other candidates than planned may come from old lists: those are fetched before anything is concluded. */
async function mustBeOffered(host: Host, wanted: Wanted, left: readonly string[]): Promise<void> {
  const others = async (): Promise<string[]> => {
    const candidates = await candidateVersions(host, left);
    return left
      .filter((name) => candidates.get(name) !== wanted[name])
      .map((name) => `${name}: plan says ${wanted[name]}, candidate is ${candidates.get(name) ?? 'none'}`);
  };
  if ((await others()).length === 0) return;
  await refreshLists(host);
  const still = await others();
  if (still.length > 0) throw drift(still);
}
