import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../model/errors/index.ts';
import type { PackageManager } from '../packages/manager.ts';
import type { Seen } from './contract.ts';

const LOOK_MS = 2000;
const PATIENCE_MS = 30 * 60_000;

/**
 * What somebody is at right now is waited for: another tool, or our own package manager that outlived its agent. What an
 * earlier try of ours left half-way (its host lost power) is finished; what somebody else left is theirs to look at, and
 * said. Changes nothing on a first try. Returns those of what is wanted that only the rest of it can finish.
 */
export async function whole(
  manager: PackageManager,
  wanted: readonly string[],
  resumed: Seen | null,
): Promise<string[]> {
  const until = Date.now() + PATIENCE_MS;
  let names = await manager.unfinished();
  while ((names.length > 0 || resumed !== null) && Date.now() < until && (await manager.isLocked())) {
    await sleep(LOOK_MS);
    names = await manager.unfinished();
  }
  if (names.length === 0) return [];
  if (resumed === null) throw unfinished(manager, names);
  await manager.finish();
  const left = await manager.unfinished();
  const foreign = left.filter((name) => !wanted.includes(name));
  if (foreign.length > 0) throw unfinished(manager, foreign);
  return left;
}

const unfinished = ({ repair }: PackageManager, names: readonly string[]): AppError =>
  new AppError('STEP_PACKAGES_UNFINISHED', { names: names.slice(0, 10).join(', '), repair });
