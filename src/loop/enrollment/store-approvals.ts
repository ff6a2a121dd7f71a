import type { JSONColumnType, Transaction } from 'kysely';
import type { Approval } from '../../model/plan.ts';
import type { DbOrTx, NoTables } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';

/** Own table: signatures over the plan of a deployment, or of a rule that asks for some. */
type ApprovalTables = {
  'enrollment.approval': {
    subject_id: string;
    digest: string;
    key_id: string;
    person: string;
    name: string;
    approval: JSONColumnType<Approval, string, string>;
    given_at: Date;
  };
};
const q = (db: DbOrTx) => db.withTables<ApprovalTables>();

export async function insertApproval(
  tx: Transaction<NoTables>,
  subjectId: string,
  approval: Approval,
  by: { id: string; name: string; at: Date },
): Promise<void> {
  await q(tx)
    .insertInto('enrollment.approval')
    .values({
      subject_id: subjectId,
      digest: approval.statement.plan,
      key_id: approval.statement.keyId,
      person: by.id,
      name: by.name,
      approval: JSON.stringify(approval),
      given_at: by.at,
    })
    .execute();
}

export async function approvalsOf(db: DbOrTx, digest: string): Promise<{ person: string; approval: Approval }[]> {
  return q(db)
    .selectFrom('enrollment.approval')
    .select(['person', 'approval'])
    .where('digest', '=', digest)
    .orderBy('given_at')
    .execute();
}

/** Who signed each of these digests. */
export async function signersOf(
  db: DbOrTx,
  digests: readonly string[],
): Promise<Map<string, { keyId: string; name: string }[]>> {
  if (digests.length === 0) return new Map();
  const rows = await q(db)
    .selectFrom('enrollment.approval')
    .select(['digest', 'key_id', 'name'])
    .where('digest', '=', anyOf(digests))
    .orderBy('given_at')
    .execute();
  const grouped = Map.groupBy(rows, (row) => row.digest);
  return new Map(
    [...grouped].map(([digest, some]) => [digest, some.map(({ key_id, name }) => ({ keyId: key_id, name }))]),
  );
}
