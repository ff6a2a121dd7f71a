import { sql } from 'kysely';
import type { ApproverKey } from '../model/plan.ts';
import type { Db } from './context.ts';

/** Keys of people who may approve now: registered, not revoked, and nobody demoted or disabled since. Tables of src/platform/auth. */
export async function approverKeys(db: Db): Promise<ApproverKey[]> {
  const there = await sql<{ there: boolean }>`select to_regclass('auth.approver_key') is not null as there`.execute(db);
  if (!there.rows[0]?.there) return [];
  const { rows } = await sql<ApproverKey>`
    select k.key_id as "keyId", k.person_id as person, k.name, k.public_key as "publicKey"
    from auth.approver_key k join auth.person p on p.id = k.person_id
    where k.revoked_at is null and p.disabled_at is null and p.role in ('approver', 'admin') order by k.key_id`.execute(
    db,
  );
  return rows;
}
