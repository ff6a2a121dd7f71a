import { sql } from 'kysely';
import type { ApproverKey } from '../model/plan.ts';
import type { Db } from './context.ts';

/** Approvers' keys that are registered and not revoked. The table belongs to src/platform/auth. */
export async function approverKeys(db: Db): Promise<ApproverKey[]> {
  const there = await sql<{ there: boolean }>`select to_regclass('auth.approver_key') is not null as there`.execute(db);
  if (!there.rows[0]?.there) return [];
  const { rows } = await sql<ApproverKey>`select key_id as "keyId", person_id as person, name, public_key as "publicKey"
    from auth.approver_key where revoked_at is null order by key_id`.execute(db);
  return rows;
}
