import { sql, type Selectable, type Transaction } from 'kysely';
import type { DbOrTx, NoTables } from '../../platform/context.ts';
import type { AgentTables } from './store.ts';

export type TokenRow = Selectable<AgentTables['enrollment.token']>;
const q = (db: DbOrTx) => db.withTables<AgentTables>();

export async function insertToken(
  tx: Transaction<NoTables>,
  token: Omit<TokenRow, 'used_at' | 'used_by' | 'used' | 'revoked_at' | 'refused_why'>,
): Promise<void> {
  await q(tx)
    .insertInto('enrollment.token')
    .values({ ...token, tags: JSON.stringify(token.tags), used_at: null, used_by: null, used: 0, revoked_at: null })
    .execute();
}

/** The token row, locked until the transaction ends, so that two enrolments cannot both take its last use. */
export async function lockToken(tx: Transaction<NoTables>, hash: string): Promise<TokenRow | undefined> {
  return q(tx).selectFrom('enrollment.token').selectAll().where('hash', '=', hash).forUpdate().executeTakeFirst();
}

/** A first look, without holding anything. */
export async function tokenByHash(db: DbOrTx, hash: string): Promise<TokenRow | undefined> {
  return q(db).selectFrom('enrollment.token').selectAll().where('hash', '=', hash).executeTakeFirst();
}

/** Tokens that people made, newest first; those of deployments live for minutes and are nobody's to keep an eye on. */
export async function handTokens(db: DbOrTx): Promise<TokenRow[]> {
  return q(db)
    .selectFrom('enrollment.token')
    .selectAll()
    .where('host_id', 'is', null)
    .orderBy('created_at', 'desc')
    .limit(1000)
    .execute();
}

/** False when one was refused before. */
export async function setRefused(tx: Transaction<NoTables>, id: string, why: string): Promise<boolean> {
  const before = await refusalOf(tx, id);
  await q(tx).updateTable('enrollment.token').set({ refused_why: why }).where('id', '=', id).execute();
  return before === null;
}

export async function refusalOf(db: DbOrTx, id: string): Promise<string | null> {
  const row = await q(db).selectFrom('enrollment.token').select('refused_why').where('id', '=', id).executeTakeFirst();
  return row?.refused_why ?? null;
}

export async function spendToken(tx: Transaction<NoTables>, id: string, publicKey: string, at: Date): Promise<void> {
  await q(tx)
    .updateTable('enrollment.token')
    .set({ used_at: at, used_by: publicKey, used: sql<number>`used + 1` })
    .where('id', '=', id)
    .execute();
}

/** False when it was revoked before. */
export async function endToken(tx: Transaction<NoTables>, id: string, at: Date): Promise<boolean> {
  const done = await q(tx)
    .updateTable('enrollment.token')
    .set({ revoked_at: at })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return done.numUpdatedRows > 0n;
}

/** The agent that this key became with this token, and its certificate. */
export async function agentOfToken(
  db: DbOrTx,
  tokenId: string,
  publicKey: string,
): Promise<{ id: string; host_id: string; certificate: string; state: string } | undefined> {
  return q(db)
    .selectFrom('enrollment.agent')
    .select(['id', 'host_id', 'certificate', 'state'])
    .where('token_id', '=', tokenId)
    .where('public_key', '=', publicKey)
    .executeTakeFirst();
}
