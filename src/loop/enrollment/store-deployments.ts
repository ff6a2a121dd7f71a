import { sql, type JSONColumnType, type Selectable, type Transaction } from 'kysely';
import type { Deployment, DeploymentHost } from '../../model/deployment.ts';
import { plainText } from '../../model/text.ts';
import type { DbOrTx, NoTables } from '../../platform/context.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';
import { signersOf } from './store-approvals.ts';

/** Own tables: deployments and how each of their hosts fares. */
type DeploymentTables = {
  'enrollment.deployment': {
    id: string;
    state: Deployment['state'];
    created_at: Date;
    finished_at: Date | null;
    author: string;
    created_by: string;
    rule_id: string | null;
    credential_ids: JSONColumnType<string[], string, string>;
    agentless: boolean;
    forced: boolean;
    accept_host_key: boolean;
    concurrency: number;
    max_failed: number;
    not_before: Date | null;
    not_after: Date | null;
    plan: string | null;
    plan_digest: string | null;
    approvals_required: number;
    why: string | null;
  };
  /** somebody carries it out until then, and says so again before */
  'enrollment.deployment_run': { deployment_id: string; held_until: Date; held_by: string | null };
  'enrollment.deployment_host': {
    deployment_id: string;
    host_id: string;
    host_name: string;
    wave: number;
    state: DeploymentHost['state'];
    why: string | null;
    credential: string | null;
    started_at: Date | null;
    finished_at: Date | null;
    /** somebody is at it until then, and says so again before */
    claimed_until: Date | null;
    claimed_by: string | null;
    /** something was written to the host before it failed */
    touched: boolean;
  };
};
export type DeploymentRow = Selectable<DeploymentTables['enrollment.deployment']>;
export type NewDeployment = Omit<DeploymentRow, 'finished_at' | 'why'>;
export type DeploymentHostRow = DeploymentTables['enrollment.deployment_host'];
const q = (db: DbOrTx) => db.withTables<DeploymentTables>();

/** Listings show so many; older ones are asked for by id. */
const LISTED = 200;

export async function insertDeployment(
  tx: Transaction<NoTables>,
  deployment: NewDeployment,
  hosts: readonly { id: string; name: string; wave: number }[],
): Promise<void> {
  await q(tx)
    .insertInto('enrollment.deployment')
    .values({
      ...deployment,
      credential_ids: JSON.stringify(deployment.credential_ids),
      finished_at: null,
      why: null,
    })
    .execute();
  for (const some of chunks(hosts))
    await q(tx)
      .insertInto('enrollment.deployment_host')
      .values(
        some.map((host) => ({
          deployment_id: deployment.id,
          host_id: host.id,
          host_name: host.name,
          wave: host.wave,
          state: 'waiting' as const,
          why: null,
          credential: null,
          started_at: null,
          finished_at: null,
          claimed_until: null,
          claimed_by: null,
          touched: false,
        })),
      )
      .execute();
}

export async function deploymentRow(db: DbOrTx, id: string): Promise<DeploymentRow | null> {
  const row = await q(db).selectFrom('enrollment.deployment').selectAll().where('id', '=', id).executeTakeFirst();
  return row ?? null;
}

export async function lockDeployment(tx: Transaction<NoTables>, id: string): Promise<DeploymentRow | null> {
  const query = q(tx).selectFrom('enrollment.deployment').selectAll().where('id', '=', id).forUpdate();
  return (await query.executeTakeFirst()) ?? null;
}

export async function deploymentHosts(db: DbOrTx, id: string): Promise<DeploymentHostRow[]> {
  return q(db)
    .selectFrom('enrollment.deployment_host')
    .selectAll()
    .where('deployment_id', '=', id)
    .orderBy('wave')
    .orderBy('host_name')
    .orderBy('host_id')
    .execute();
}

/** Who takes something, now, and until when it is theirs unless they say so again. */
interface Taking {
  holder: string;
  now: Date;
  until: Date;
}

/** Takes it over from nobody, or from whoever has not said for long that they are at it. */
export async function takeDeployment(db: DbOrTx, id: string, at: Taking): Promise<boolean> {
  const taken = await q(db)
    .insertInto('enrollment.deployment_run')
    .values({ deployment_id: id, held_until: at.until, held_by: at.holder })
    .onConflict((c) =>
      c
        .column('deployment_id')
        .doUpdateSet({ held_until: at.until, held_by: at.holder })
        .where('enrollment.deployment_run.held_until', '<=', at.now),
    )
    .executeTakeFirst();
  return (taken.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

/** Only for as long as nobody else has taken it over. */
export async function holdDeployment(db: DbOrTx, id: string, holder: string, until: Date): Promise<void> {
  await q(db)
    .updateTable('enrollment.deployment_run')
    .set({ held_until: until })
    .where('deployment_id', '=', id)
    .where('held_by', '=', holder)
    .execute();
}

export async function letGoOfDeployment(db: DbOrTx, id: string, holder: string): Promise<void> {
  await q(db)
    .deleteFrom('enrollment.deployment_run')
    .where('deployment_id', '=', id)
    .where('held_by', '=', holder)
    .execute();
}

const UNIQUE_VIOLATION = '23505';

/**
 * Takes a host that has no result and that nobody else is at, for this deployment or another. False: somebody is, or it
 * has a result by now.
 */
export async function claimDeploymentHost(db: DbOrTx, id: string, hostId: string, at: Taking): Promise<boolean> {
  try {
    const claimed = await q(db)
      .updateTable('enrollment.deployment_host')
      .set({ state: 'running', started_at: at.now, claimed_until: at.until, claimed_by: at.holder })
      .where('deployment_id', '=', id)
      .where('host_id', '=', hostId)
      .where('state', 'in', ['waiting', 'running'])
      .where((e) => e.or([e('claimed_until', 'is', null), e('claimed_until', '<=', at.now)]))
      .executeTakeFirst();
    return claimed.numUpdatedRows > 0n;
  } catch (error) {
    if ((error as { code?: string }).code === UNIQUE_VIOLATION) return false;
    throw error;
  }
}

/** Hosts that a worker was at which is gone, in a deployment that must not go on: nobody knows how far it came. */
export async function failAbandoned(db: DbOrTx, id: string, why: string, at: Date): Promise<void> {
  await q(db)
    .updateTable('enrollment.deployment_host')
    .set({ state: 'failed', touched: true, why: plainText(why), finished_at: at })
    .where('deployment_id', '=', id)
    .where('state', '=', 'running')
    .where('claimed_until', '<=', at)
    .execute();
}

/** The last deployment that this rule asked for, if it ended before its time since then. */
export async function lastBroken(db: DbOrTx, ruleId: string, since: Date): Promise<string | null> {
  const row = await q(db)
    .selectFrom('enrollment.deployment')
    .select(['why', 'finished_at'])
    .where('rule_id', '=', ruleId)
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.why && row.finished_at && row.finished_at > since ? row.why : null;
}

/** What its holder has to say of it. False: somebody else has taken it over, and speaks for it now. */
export async function setDeploymentHost(
  db: DbOrTx,
  { id, hostId, holder }: { id: string; hostId: string; holder: string },
  set: Partial<Omit<DeploymentHostRow, 'deployment_id' | 'host_id' | 'claimed_by'>>,
): Promise<boolean> {
  const { numUpdatedRows } = await q(db)
    .updateTable('enrollment.deployment_host')
    .set(typeof set.why === 'string' ? { ...set, why: plainText(set.why) } : set)
    .where('deployment_id', '=', id)
    .where('host_id', '=', hostId)
    .where('claimed_by', '=', holder)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Names of the hosts on which the installation broke after something had been written. */
export async function brokenHosts(db: DbOrTx, id: string): Promise<string[]> {
  const rows = await q(db)
    .selectFrom('enrollment.deployment_host')
    .select('host_name')
    .where('deployment_id', '=', id)
    .where('state', '=', 'failed')
    .where('touched', '=', true)
    .orderBy('finished_at')
    .execute();
  return rows.map((row) => row.host_name);
}

/** Hosts that nobody has begun with are left alone from now on. */
export async function stopWaiting(db: DbOrTx, id: string, why: string, at: Date): Promise<void> {
  await q(db)
    .updateTable('enrollment.deployment_host')
    .set({ state: 'stopped', why: plainText(why), finished_at: at })
    .where('deployment_id', '=', id)
    .where('state', '=', 'waiting')
    .execute();
}

/** False when it was in none of these states any more. */
export async function moveDeployment(
  tx: Transaction<NoTables>,
  id: string,
  from: readonly Deployment['state'][],
  set: Partial<Pick<DeploymentRow, 'state' | 'finished_at' | 'why'>>,
): Promise<boolean> {
  const moved = await q(tx)
    .updateTable('enrollment.deployment')
    .set(set)
    .where('id', '=', id)
    .where('state', 'in', [...from])
    .executeTakeFirst();
  return moved.numUpdatedRows > 0n;
}

/** Those that somebody has to go on with: begun, or approved and not begun. */
export async function openDeployments(
  db: DbOrTx,
): Promise<Pick<DeploymentRow, 'id' | 'state' | 'not_before' | 'not_after'>[]> {
  return q(db)
    .selectFrom('enrollment.deployment')
    .select(['id', 'state', 'not_before', 'not_after'])
    .where('state', 'in', ['awaiting-approval', 'scheduled', 'running'])
    .execute();
}

export async function deployments(db: DbOrTx, ids?: string[]): Promise<Deployment[]> {
  let query = q(db).selectFrom('enrollment.deployment').selectAll().orderBy('created_at', 'desc').limit(LISTED);
  if (ids) query = query.where('id', '=', anyOf(ids));
  const rows = await query.execute();
  if (rows.length === 0) return [];
  const all = await q(db)
    .selectFrom('enrollment.deployment_host')
    .selectAll()
    .where('deployment_id', '=', anyOf(rows.map((row) => row.id)))
    .orderBy('wave')
    .orderBy('host_name')
    .execute();
  const hosts = Map.groupBy(all, (host) => host.deployment_id);
  const signers = await signersOf(
    db,
    rows.flatMap((row) => row.plan_digest ?? []),
  );
  return rows.map((row) => toDeployment(row, hosts.get(row.id) ?? [], signers.get(row.plan_digest ?? '') ?? []));
}

function toDeployment(
  row: DeploymentRow,
  hosts: readonly DeploymentHostRow[],
  approvers: Deployment['approvers'],
): Deployment {
  return {
    id: row.id,
    state: row.state,
    createdAt: row.created_at.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null,
    author: row.author,
    createdBy: row.created_by,
    rule: row.rule_id,
    agentless: row.agentless,
    concurrency: row.concurrency,
    maxFailed: row.max_failed,
    notBefore: row.not_before?.toISOString() ?? null,
    notAfter: row.not_after?.toISOString() ?? null,
    planDigest: row.plan_digest,
    approvalsRequired: row.approvals_required,
    approvers,
    why: row.why,
    hosts: hosts.map((host) => ({
      hostId: host.host_id,
      hostName: host.host_name,
      wave: host.wave,
      state: host.state,
      why: host.why,
      credential: host.credential,
    })),
  };
}

/** Of each of these hosts: is it part of a deployment that is not over, and when did somebody last begin with it? */
export async function triedHosts(
  db: DbOrTx,
  hostIds: readonly string[],
): Promise<Map<string, { open: boolean; at: Date | null; done: Date | null }>> {
  const rows = await q(db)
    .selectFrom('enrollment.deployment_host as h')
    .innerJoin('enrollment.deployment as d', 'd.id', 'h.deployment_id')
    .select((e) => [
      'h.host_id',
      // One that was left alone when a deployment ended had its chance as well.
      e.fn.max(e.fn.coalesce('h.started_at', 'h.finished_at')).as('at'),
      e.fn.max('h.started_at').filterWhere('h.state', '=', 'done').as('done'),
      e.fn
        .agg<boolean>('bool_or', [
          e.and([
            e('d.state', 'in', ['awaiting-approval', 'scheduled', 'running']),
            e('h.state', 'in', ['waiting', 'running']),
          ]),
        ])
        .as('open'),
    ])
    .where('h.host_id', '=', anyOf(hostIds))
    .groupBy('h.host_id')
    .execute();
  return new Map(rows.map((row) => [row.host_id, { open: row.open, at: row.at, done: row.done }]));
}

/** Of these logins, each that any deployment was for: is one of those not over yet? */
export async function usesOfCredentials(db: DbOrTx, ids: readonly string[]): Promise<Map<string, boolean>> {
  const { rows } = await sql<{ id: string; open: boolean }>`
    select used.id, bool_or(d.state in ('awaiting-approval', 'scheduled', 'running')) as open
    from enrollment.deployment d, jsonb_array_elements_text(d.credential_ids) as used (id)
    where used.id = ${anyOf(ids)} group by used.id`.execute(db);
  return new Map(rows.map((row) => [row.id, row.open]));
}

/** Hosts that this rule asked for since then. */
export async function askedByRule(db: DbOrTx, ruleId: string, since: Date): Promise<number> {
  const row = await q(db)
    .selectFrom('enrollment.deployment_host as h')
    .innerJoin('enrollment.deployment as d', 'd.id', 'h.deployment_id')
    .select((e) => e.fn.countAll<string>().as('n'))
    .where('d.rule_id', '=', ruleId)
    .where('d.created_at', '>', since)
    .executeTakeFirstOrThrow();
  return Number(row.n);
}
