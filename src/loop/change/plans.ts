import { AppError } from '../../model/errors/index.ts';
import { Plan } from '../../model/plan.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { plansByDigest } from './store.ts';

/** Characters of plan text whose parsed form is kept. */
const KEPT = 32 * 1024 * 1024;

/** A digest names one text for ever, so what was read once need not be read again. The newest are kept. */
const parsed = new Map<string, { plan: Plan; length: number }>();
let kept = 0;

function keep(digest: string, text: string): Plan {
  const plan = Plan.parse(JSON.parse(text));
  kept += text.length - (parsed.get(digest)?.length ?? 0);
  parsed.delete(digest);
  parsed.set(digest, { plan, length: text.length });
  for (const [oldest, { length }] of parsed) {
    if (kept <= KEPT || oldest === digest) break;
    parsed.delete(oldest);
    kept -= length;
  }
  return plan;
}

/** Plans as approved, by digest; their bytes are checked by the database. */
export async function plansOf(db: DbOrTx, digests: readonly string[]): Promise<Map<string, Plan>> {
  const known = digests.flatMap((digest): [string, Plan][] => {
    const one = parsed.get(digest);
    return one ? [[digest, one.plan]] : [];
  });
  const found = new Map(known);
  const missing = digests.filter((digest) => !found.has(digest));
  for (const { digest, text } of await plansByDigest(db, missing)) found.set(digest, keep(digest, text));
  return found;
}

export async function planOf(db: DbOrTx, digest: string): Promise<Plan> {
  const plan = (await plansOf(db, [digest])).get(digest);
  if (!plan) throw new AppError('NOT_FOUND', { what: 'plan', id: digest, list: 'change list' });
  return plan;
}
