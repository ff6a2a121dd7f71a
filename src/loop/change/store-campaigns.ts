import type { Transaction } from 'kysely';
import type { FireState } from '../../model/campaign.ts';
import type { DbOrTx, NoTables } from '../../platform/context.ts';

export type CampaignTables = {
  'change.campaign': { kit: string; state: FireState; opened_at: Date; out_at: Date | null };
};
const q = (db: DbOrTx) => db.withTables<CampaignTables>();

export interface CampaignRow {
  kit: string;
  state: FireState;
  openedAt: Date;
  outAt: Date | null;
}

const rows = (db: DbOrTx, kit: string) => q(db).selectFrom('change.campaign').selectAll().where('kit', '=', kit);
const toRow = (row: CampaignTables['change.campaign'] | undefined): CampaignRow | null =>
  row ? { kit: row.kit, state: row.state, openedAt: row.opened_at, outAt: row.out_at } : null;

export async function campaignRow(db: DbOrTx, kit: string): Promise<CampaignRow | null> {
  return toRow(await rows(db, kit).executeTakeFirst());
}

export async function lockCampaign(tx: Transaction<NoTables>, kit: string): Promise<CampaignRow | null> {
  return toRow(await rows(tx, kit).forUpdate().executeTakeFirst());
}

export async function putCampaign(tx: Transaction<NoTables>, row: CampaignRow): Promise<void> {
  const values = { state: row.state, opened_at: row.openedAt, out_at: row.outAt };
  await q(tx)
    .insertInto('change.campaign')
    .values({ kit: row.kit, ...values })
    .onConflict((c) => c.column('kit').doUpdateSet(values))
    .execute();
}
