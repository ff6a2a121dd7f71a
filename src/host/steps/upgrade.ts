import { AppError } from '../../model/errors/index.ts';
import type { PackageManager, Settings, Wanted } from '../packages/manager.ts';
import type { Seen } from './contract.ts';
import { whole } from './unfinished.ts';

export interface Change {
  name: string;
  from: string | null;
  to: string;
}

/** What the package manager would change to get there, asked without changing it: of what is wanted, and with it. Null: it is there. */
export async function inspectUpgrade(
  manager: PackageManager,
  wanted: Wanted,
  resumed: Seen | null,
): Promise<{ own: Change[]; also: Change[] } | null> {
  const begun = new Set(await whole(manager, Object.keys(wanted), resumed));
  const installed = await manager.installed();
  const left = Object.keys(wanted).filter((name) => begun.has(name) || installed.get(name) !== wanted[name]);
  if (left.length === 0) return null;
  // Half-installed packages of a try that was cut off are finished by then; otherwise there must be what to upgrade.
  const absent = left.filter((name) => !installed.has(name));
  if (absent.length > 0 && resumed === null) throw new AppError('STEP_PACKAGE_ABSENT', { name: absent.join(', ') });
  const held = await manager.heldAmong(left);
  if (held.length > 0) throw new AppError('STEP_PACKAGE_HELD', { names: shortList(held) });
  await mustBeOffered(manager, wanted, left);
  const { changes, removed } = await manager.simulate(wanted);
  const planned = new Map(changes.map((change) => [change.name, change.to]));
  // What lies unpacked in the wanted version is only configured, which is no change to another one.
  const other = left.filter((name) => planned.get(name) !== wanted[name] && (planned.has(name) || !begun.has(name)));
  if (other.length > 0)
    throw drift(
      other.map(
        (name) => `${name}: plan says ${wanted[name]}, ${manager.name} would install ${planned.get(name) ?? 'nothing'}`,
      ),
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

/** As it goes into an outcome: nothing where there is nothing to say. */
export const settingsOf = ({ kept, replaced }: Settings): Seen => ({
  ...(kept.length > 0 ? { kept } : {}),
  ...(replaced.length > 0 ? { replaced } : {}),
});

const LISTS_PATIENCE_MS = 60_000;
const MOST_NAMED = 10;
const shortList = (all: readonly string[]): string =>
  all.length <= MOST_NAMED
    ? all.join(', ')
    : `${all.slice(0, MOST_NAMED).join(', ')} and ${all.length - MOST_NAMED} more`;
const drift = (lines: readonly string[]): AppError =>
  new AppError('STEP_DRIFT', { what: lines.slice(0, MOST_NAMED).join('; ') });

/** Other candidates than planned may come from old lists: those are fetched before anything is concluded. */
async function mustBeOffered(manager: PackageManager, wanted: Wanted, left: readonly string[]): Promise<void> {
  const others = async (): Promise<string[]> => {
    const candidates = await manager.candidates(left);
    return left
      .filter((name) => candidates.get(name) !== wanted[name])
      .map((name) => `${name}: plan says ${wanted[name]}, candidate is ${candidates.get(name) ?? 'none'}`);
  };
  if ((await others()).length === 0) return;
  await manager.refresh(LISTS_PATIENCE_MS);
  const still = await others();
  if (still.length > 0) throw drift(still);
}
