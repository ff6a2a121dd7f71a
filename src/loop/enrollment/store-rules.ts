import type { Selectable, Transaction } from 'kysely';
import { DeployRulePlan } from '../../model/deployment.ts';
import type { DbOrTx, NoTables } from '../../platform/context.ts';

/** Own table: rules that ask for deployments. What a rule says is in `plan`, which is what people sign. */
type RuleTables = {
  'enrollment.deploy_rule': {
    id: string;
    name: string;
    state: 'awaiting-approval' | 'in-force' | 'ended';
    author: string;
    created_by: string;
    created_at: Date;
    not_after: Date;
    plan: string;
    plan_digest: string;
  };
};
export type RuleRow = Selectable<RuleTables['enrollment.deploy_rule']> & { rule: DeployRulePlan };
const q = (db: DbOrTx) => db.withTables<RuleTables>();

const read = (row: Selectable<RuleTables['enrollment.deploy_rule']>): RuleRow => ({
  ...row,
  rule: DeployRulePlan.parse(JSON.parse(row.plan)),
});

export async function rules(db: DbOrTx): Promise<RuleRow[]> {
  const rows = await q(db).selectFrom('enrollment.deploy_rule').selectAll().orderBy('name').orderBy('id').execute();
  return rows.map(read);
}

export async function ruleById(db: DbOrTx, id: string): Promise<RuleRow | undefined> {
  const row = await q(db).selectFrom('enrollment.deploy_rule').selectAll().where('id', '=', id).executeTakeFirst();
  return row && read(row);
}

export async function insertRule(
  tx: Transaction<NoTables>,
  rule: RuleTables['enrollment.deploy_rule'],
): Promise<boolean> {
  const done = await q(tx)
    .insertInto('enrollment.deploy_rule')
    .values(rule)
    .onConflict((c) => c.column('name').where('state', '<>', 'ended').doNothing())
    .executeTakeFirst();
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export async function moveRule(
  tx: Transaction<NoTables>,
  id: string,
  from: readonly RuleRow['state'][],
  to: RuleRow['state'],
): Promise<boolean> {
  const moved = await q(tx)
    .updateTable('enrollment.deploy_rule')
    .set({ state: to })
    .where('id', '=', id)
    .where('state', 'in', [...from])
    .executeTakeFirst();
  return moved.numUpdatedRows > 0n;
}
