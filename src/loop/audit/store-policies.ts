import { sql } from 'kysely';
import type { Policy, PolicySet, Profile } from '../../model/policy.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { jsonText } from '../../platform/db/json-text.ts';
import { anyOf } from '../../platform/db/many.ts';
import { canonical, policies } from './logic/policy.ts';
import { q } from './tables.ts';

export async function readPolicies(db: DbOrTx): Promise<PolicySet> {
  const [profiles, policies] = await Promise.all([
    q(db).selectFrom('audit.profile').select('body').orderBy('name').execute(),
    q(db).selectFrom('audit.policy').selectAll().orderBy('name').execute(),
  ]);
  return { profiles: profiles.map(({ body }) => body), policies };
}

/** What each host is held to, as it stands in this database or transaction. */
export const policiesInForce = async (db: DbOrTx): Promise<ReturnType<typeof policies>> =>
  policies(await readPolicies(db));

/** One who changes them at a time: what they name has to be there at the end. */
export async function lockPolicies(db: DbOrTx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('audit.policies'))`.execute(db);
}

/** Makes the tables hold exactly this; rows that are the same already are not written. */
export async function writePolicies(db: DbOrTx, before: PolicySet, after: PolicySet): Promise<void> {
  await removeAll(db, 'audit.policy', gone(before.policies, after.policies));
  await putProfiles(db, changed(before.profiles, after.profiles));
  await putPolicies(db, changed(before.policies, after.policies));
  await removeAll(db, 'audit.profile', gone(before.profiles, after.profiles));
}

const gone = (before: readonly { name: string }[], after: readonly { name: string }[]): string[] =>
  before.map(({ name }) => name).filter((name) => !after.some((one) => one.name === name));

/** Those that were not there, or were others. */
export const changed = <T extends { name: string }>(before: readonly T[], after: readonly T[]): T[] => {
  const known = new Map(before.map((one) => [one.name, canonical(one)]));
  return after.filter((one) => known.get(one.name) !== canonical(one));
};

async function removeAll(db: DbOrTx, table: 'audit.profile' | 'audit.policy', names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await q(db).deleteFrom(table).where('name', '=', anyOf(names)).execute();
}

async function putProfiles(db: DbOrTx, profiles: readonly Profile[]): Promise<void> {
  if (profiles.length === 0) return;
  await q(db)
    .insertInto('audit.profile')
    .values(profiles.map((profile) => ({ name: profile.name, body: jsonText(profile) })))
    .onConflict((c) => c.column('name').doUpdateSet((e) => ({ body: e.ref('excluded.body') })))
    .execute();
}

async function putPolicies(db: DbOrTx, policies: readonly Policy[]): Promise<void> {
  if (policies.length === 0) return;
  await q(db)
    .insertInto('audit.policy')
    .values(policies.map(({ name, profile, hosts }) => ({ name, profile, hosts })))
    .onConflict((c) =>
      c.column('name').doUpdateSet((e) => ({ profile: e.ref('excluded.profile'), hosts: e.ref('excluded.hosts') })),
    )
    .execute();
}

/** How many findings that are neither closed nor worked on these hosts have, by host and check. */
export async function loosenable(
  db: DbOrTx,
  hostIds: readonly string[],
): Promise<{ hostId: string; ref: string; findings: number }[]> {
  if (hostIds.length === 0) return [];
  const rows = await q(db)
    .selectFrom('audit.finding')
    .select(['host_id', 'kit', 'check_id', sql<string>`count(*)`.as('findings')])
    .where('host_id', '=', anyOf(hostIds))
    .where('state', 'in', ['open', 'excepted', 'rekindled'])
    .groupBy(['host_id', 'kit', 'check_id'])
    .execute();
  return rows.map((row) => ({
    hostId: row.host_id,
    ref: `${row.kit}/${row.check_id}`,
    findings: Number(row.findings),
  }));
}
