import { sql } from 'kysely';
import type { DbOrTx, Tx } from '../../platform/context.ts';
import { prepared } from '../../platform/db/prepared.ts';

/** One at a time: who began with what was known before would write it over what came of later facts. */
export async function lockCounts(db: DbOrTx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('audit recount', 0))`.execute(db);
}

/** False: somebody counts. Whoever holds other locks must not wait for that, which may be long. */
export async function mayCount(db: DbOrTx): Promise<boolean> {
  const { rows } = await sql<{ free: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended('audit recount', 0)) as free`.execute(db);
  return rows[0]!.free;
}

/** Asks for a count of what these lists differ by, of these advisories, or of what is known of all. */
export async function noteRecount(
  tx: Tx,
  what: { lists?: readonly number[]; advisories?: readonly string[]; signals?: boolean },
): Promise<void> {
  const { lists = [], advisories = [], signals = false } = what;
  await sql`${prepared}insert into audit.recount (lists, advisories, signals)
    values (${[...lists]}::integer[], ${[...advisories]}::text[], ${signals})`.execute(tx.db);
  // Many hosts change at once, and one count does for all of them.
  await tx.enqueue('audit.recount', {}, { singletonKey: 'recount' });
}
