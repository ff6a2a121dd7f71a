import type { JSONColumnType, Transaction } from 'kysely';
import type { ChangeState } from '../../model/change.ts';
import type { Impact } from '../../model/impact.ts';
import type { Approval } from '../../model/plan.ts';
import type { DbOrTx, NoTables } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import type { Left } from './logic/planner.ts';

/** What the person asked for: planning again starts from it. */
export interface Asked {
  findings: string[] | null;
  hosts: string[] | null;
  notBefore: string | null;
  notAfter: string | null;
  abortAfterFailures: number;
}

/** What verification waits for. */
export interface Verification {
  since: string;
  until: string;
  /** host → section → when it had been collected as verification began, by the host's clock: only another time counts */
  facts: Record<string, Record<string, string>>;
}

export type ChangeTables = {
  'change.change': {
    id: string;
    title: string;
    reason: string;
    kit: string;
    state: ChangeState;
    paused_from: 'running' | 'verifying' | null;
    stopping: string | null;
    author: string;
    author_name: string;
    asked: JSONColumnType<Asked>;
    findings: JSONColumnType<string[]>;
    left_out: JSONColumnType<Left[]>;
    plan_digest: string | null;
    waves_done: number;
    observed: JSONColumnType<Impact> | null;
    why: string | null;
    start_at: Date | null;
    verification: JSONColumnType<Verification> | null;
    created_at: Date;
    updated_at: Date;
  };
  'change.plan': { digest: string; change_id: string; text: string; made_at: Date };
  'change.approval': {
    digest: string;
    key_id: string;
    person: string;
    person_name: string;
    statement: JSONColumnType<Approval['statement']>;
    signature: string;
    approved_at: Date;
  };
};
const q = (db: DbOrTx) => db.withTables<ChangeTables>();

export interface ChangeRow {
  id: string;
  title: string;
  reason: string;
  kit: string;
  state: ChangeState;
  pausedFrom: 'running' | 'verifying' | null;
  stopping: string | null;
  author: string;
  authorName: string;
  asked: Asked;
  findings: string[];
  left: Left[];
  planDigest: string | null;
  wavesDone: number;
  observed: Impact | null;
  why: string | null;
  startAt: Date | null;
  verification: Verification | null;
  createdAt: Date;
  updatedAt: Date;
}

const rows = (db: DbOrTx) => q(db).selectFrom('change.change').selectAll();
type Raw = Awaited<ReturnType<ReturnType<typeof rows>['executeTakeFirstOrThrow']>>;

function toRow(raw: Raw): ChangeRow {
  return {
    id: raw.id,
    title: raw.title,
    reason: raw.reason,
    kit: raw.kit,
    state: raw.state,
    stopping: raw.stopping,
    author: raw.author,
    asked: raw.asked,
    findings: raw.findings,
    observed: raw.observed,
    why: raw.why,
    verification: raw.verification,
    pausedFrom: raw.paused_from,
    authorName: raw.author_name,
    left: raw.left_out,
    planDigest: raw.plan_digest,
    wavesDone: raw.waves_done,
    startAt: raw.start_at,
    createdAt: raw.created_at,
    updatedAt: raw.updated_at,
  };
}

export async function changeById(db: DbOrTx, id: string): Promise<ChangeRow | null> {
  const row = await rows(db).where('id', '=', id).executeTakeFirst();
  return row ? toRow(row) : null;
}

/** The change, locked until the transaction ends: whoever moves it moves it alone. */
export async function lockChange(tx: Transaction<NoTables>, id: string): Promise<ChangeRow | null> {
  const row = await rows(tx).where('id', '=', id).forUpdate().executeTakeFirst();
  return row ? toRow(row) : null;
}

export async function allChanges(db: DbOrTx, states?: readonly ChangeState[]): Promise<ChangeRow[]> {
  let found = rows(db);
  if (states) found = found.where('state', 'in', [...states]);
  return (await found.orderBy('created_at', 'desc').orderBy('id', 'desc').execute()).map(toRow);
}

export async function insertChange(tx: Transaction<NoTables>, change: ChangeRow): Promise<void> {
  await q(tx)
    .insertInto('change.change')
    .values({
      id: change.id,
      title: change.title,
      reason: change.reason,
      kit: change.kit,
      state: change.state,
      paused_from: null,
      stopping: null,
      author: change.author,
      author_name: change.authorName,
      asked: JSON.stringify(change.asked),
      findings: JSON.stringify(change.findings),
      left_out: JSON.stringify(change.left),
      plan_digest: null,
      waves_done: 0,
      observed: null,
      why: null,
      start_at: null,
      verification: null,
      created_at: change.createdAt,
      updated_at: change.updatedAt,
    })
    .execute();
}

export type ChangePatch = Partial<
  Pick<
    ChangeRow,
    | 'state'
    | 'pausedFrom'
    | 'stopping'
    | 'findings'
    | 'left'
    | 'planDigest'
    | 'wavesDone'
    | 'observed'
    | 'why'
    | 'startAt'
    | 'verification'
  >
>;

export async function updateChange(tx: Transaction<NoTables>, id: string, patch: ChangePatch, at: Date): Promise<void> {
  const has = <K extends keyof ChangePatch>(key: K): boolean => patch[key] !== undefined;
  const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));
  await q(tx)
    .updateTable('change.change')
    .set({
      updated_at: at,
      ...(has('state') ? { state: patch.state! } : {}),
      ...(has('pausedFrom') ? { paused_from: patch.pausedFrom! } : {}),
      ...(has('stopping') ? { stopping: patch.stopping! } : {}),
      ...(has('findings') ? { findings: json(patch.findings)! } : {}),
      ...(has('left') ? { left_out: json(patch.left)! } : {}),
      ...(has('planDigest') ? { plan_digest: patch.planDigest! } : {}),
      ...(has('wavesDone') ? { waves_done: patch.wavesDone! } : {}),
      ...(has('observed') ? { observed: json(patch.observed) } : {}),
      ...(has('why') ? { why: patch.why! } : {}),
      ...(has('startAt') ? { start_at: patch.startAt! } : {}),
      ...(has('verification') ? { verification: json(patch.verification) } : {}),
    })
    .where('id', '=', id)
    .execute();
}

export interface StoredPlan {
  digest: string;
  changeId: string;
  text: string;
  madeAt: Date;
}

export async function insertPlan(tx: Transaction<NoTables>, plan: StoredPlan): Promise<void> {
  await q(tx)
    .insertInto('change.plan')
    .values({ digest: plan.digest, change_id: plan.changeId, text: plan.text, made_at: plan.madeAt })
    .execute();
}

export async function planByDigest(db: DbOrTx, digest: string): Promise<StoredPlan | null> {
  return (await plansByDigest(db, [digest]))[0] ?? null;
}

export async function plansByDigest(db: DbOrTx, digests: readonly string[]): Promise<StoredPlan[]> {
  if (digests.length === 0) return [];
  const rows = await q(db).selectFrom('change.plan').selectAll().where('digest', '=', anyOf(digests)).execute();
  return rows.map((row) => ({ digest: row.digest, changeId: row.change_id, text: row.text, madeAt: row.made_at }));
}

export interface GivenApproval {
  digest: string;
  person: string;
  name: string;
  approval: Approval;
}

export const approvalsOf = (db: DbOrTx, digest: string): Promise<GivenApproval[]> => approvalsOfPlans(db, [digest]);

export async function approvalsOfPlans(db: DbOrTx, digests: readonly string[]): Promise<GivenApproval[]> {
  if (digests.length === 0) return [];
  const found = await q(db)
    .selectFrom('change.approval')
    .selectAll()
    .where('digest', '=', anyOf(digests))
    .orderBy('approved_at')
    .orderBy('key_id')
    .execute();
  return found.map((row) => ({
    digest: row.digest,
    person: row.person,
    name: row.person_name || row.person,
    approval: { statement: row.statement, signature: row.signature },
  }));
}

export async function insertApproval(
  tx: Transaction<NoTables>,
  approval: Approval,
  person: { id: string; name: string },
  at: Date,
): Promise<void> {
  await q(tx)
    .insertInto('change.approval')
    .values({
      digest: approval.statement.plan,
      key_id: approval.statement.keyId,
      person: person.id,
      person_name: person.name,
      statement: JSON.stringify(approval.statement),
      signature: approval.signature,
      approved_at: at,
    })
    .execute();
}
