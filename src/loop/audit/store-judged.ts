import type { DbOrTx } from '../../platform/context.ts';
import { q } from './tables.ts';

/** Times of the newest evidence that a judgement used. */
export interface Used {
  facts: Date | null;
  probes: Date | null;
}

const later = (a: Date | null, b: Date | null): boolean => a !== null && (b === null || a > b);

/** Was the host judged by newer evidence than this? */
export async function newerJudged(db: DbOrTx, hostId: string, used: Used): Promise<boolean> {
  const row = await q(db)
    .selectFrom('audit.judged')
    .select(['facts_at', 'probed_at'])
    .where('host_id', '=', hostId)
    .executeTakeFirst();
  return row !== undefined && (later(row.facts_at, used.facts) || later(row.probed_at, used.probes));
}

export async function noteJudged(db: DbOrTx, hostId: string, used: Used, kits: string, at: Date): Promise<void> {
  const values = { at, facts_at: used.facts, probed_at: used.probes, kits };
  await q(db)
    .insertInto('audit.judged')
    .values({ host_id: hostId, ...values })
    .onConflict((c) => c.column('host_id').doUpdateSet(values))
    .execute();
}

export async function judgedHosts(db: DbOrTx): Promise<Map<string, { at: Date; kits: string }>> {
  const rows = await q(db).selectFrom('audit.judged').select(['host_id', 'at', 'kits']).execute();
  return new Map(rows.map((row) => [row.host_id, { at: row.at, kits: row.kits }]));
}

/** When the host was judged last. */
export async function judgedAt(db: DbOrTx, hostId: string): Promise<Date | null> {
  const row = await q(db).selectFrom('audit.judged').select('at').where('host_id', '=', hostId).executeTakeFirst();
  return row?.at ?? null;
}
