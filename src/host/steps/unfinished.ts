import { AppError } from '../../model/errors/index.ts';
import type { Host } from '../host.ts';
import { finish, unfinished } from '../packages/apt.ts';
import type { Seen } from './contract.ts';

/**
 * What an earlier try of ours left half-way (its host lost power) is finished; what somebody else left is theirs to look
 * at, and said. Changes nothing on a first try.
 */
export async function whole(host: Host, resumed: Seen | null): Promise<void> {
  const names = await unfinished(host);
  if (names.length === 0) return;
  if (resumed === null) throw new AppError('STEP_PACKAGES_UNFINISHED', { names: names.slice(0, 10).join(', ') });
  await finish(host);
}
