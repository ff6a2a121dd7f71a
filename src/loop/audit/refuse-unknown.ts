import { AppError } from '../../model/errors/index.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { knows } from './affected.ts';
import type { FindingFilter, LoadedKit } from './face.ts';
import { findingIds, matching } from './store-finding-pages.ts';

type Named = Pick<FindingFilter, 'kit' | 'check' | 'advisory'>;

/**
 * "Nothing is found" may be said only of what is known: an answer of nothing, for a name that nobody knows, is refused. A kit
 * that was removed, and a check that a kit no longer has, are known by what they once found.
 */
export async function refuseUnknown(
  db: DbOrTx,
  kits: readonly LoadedKit[],
  { kit, check, advisory }: Named,
): Promise<void> {
  for (const named of [{ kit, check }, { advisory }]) {
    const refusal = refusalOf(kits, named);
    if (refusal && (await findingIds(db, matching(named), { limit: 1 })).length === 0) throw refusal;
  }
}

function refusalOf(kits: readonly LoadedKit[], { kit, check, advisory }: Named): AppError | null {
  const own = kits.filter((one) => kit === undefined || one.kit.kit === kit);
  if (kit !== undefined && own.length === 0)
    return new AppError('NOT_FOUND', { what: 'kit', id: kit, list: 'kit list' });
  if (check !== undefined && !own.some((one) => one.kit.checks.some(({ id }) => id === check)))
    return new AppError('NOT_FOUND', { what: 'check', id: check, list: 'kit list' });
  if (advisory !== undefined && !kits.some((one) => knows(one, advisory)))
    return new AppError('ADVISORY_UNKNOWN', { advisory });
  return null;
}
