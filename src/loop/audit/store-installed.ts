import type { DbOrTx } from '../../platform/context.ts';
import { BURNING } from '../../model/finding.ts';
import { type AuditTables, q } from './tables.ts';

type Row = AuditTables['audit.installed_kit'];

export const installedDigests = (db: DbOrTx): Promise<Pick<Row, 'kit' | 'digest'>[]> =>
  q(db).selectFrom('audit.installed_kit').select(['kit', 'digest']).orderBy('kit').execute();

export const installedKits = (db: DbOrTx): Promise<Row[]> =>
  q(db).selectFrom('audit.installed_kit').selectAll().orderBy('kit').execute();

/** Locked: two people who install the same kit wait for each other. */
export const lockInstalled = (db: DbOrTx, kit: string): Promise<Row | undefined> =>
  q(db).selectFrom('audit.installed_kit').selectAll().where('kit', '=', kit).forUpdate().executeTakeFirst();

export async function putInstalled(db: DbOrTx, row: Row): Promise<void> {
  const { kit: _, ...rest } = row;
  await q(db)
    .insertInto('audit.installed_kit')
    .values(row)
    .onConflict((c) => c.column('kit').doUpdateSet(rest))
    .execute();
}

export async function deleteInstalled(db: DbOrTx, kit: string): Promise<void> {
  await q(db).deleteFrom('audit.installed_kit').where('kit', '=', kit).execute();
}

/** Findings that only this kit could close. */
export async function burningOf(db: DbOrTx, kit: string): Promise<number> {
  const row = await q(db)
    .selectFrom('audit.finding')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('kit', '=', kit)
    .where('state', 'in', [...BURNING])
    .executeTakeFirst();
  return Number(row?.count ?? 0);
}
