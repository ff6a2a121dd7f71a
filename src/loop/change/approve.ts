import type { Actor } from '../../model/actor.ts';
import type { Change } from '../../model/change.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Approval, ApproverKey, Plan } from '../../model/plan.ts';
import { changeSubject, hostsOf, type Deps } from './deps.ts';
import { approvers, mustApprove } from '../../platform/approval.ts';
import { mustFind } from './planning.ts';
import {
  approvalsOf,
  insertApproval,
  lockChange,
  planByDigest,
  updateChange,
  type ChangeRow,
  type StoredPlan,
} from './store.ts';
import { planOf } from './plans.ts';
import { viewChange } from './view.ts';

/** Takes a signature over the plan's digest from the person who is signed in, made with that person's own key. */
export async function approveChange(deps: Deps, actor: Actor, id: string, approval: Approval): Promise<Change> {
  const { platform } = deps;
  const change = await mustFind(deps, id);
  const plan = change.planDigest === null ? null : await planOf(platform.db, change.planDigest);
  const keys = await platform.approverKeys();
  try {
    await platform.observe(actor, async (tx) => {
      const locked = await lockChange(tx.db, id);
      if (!locked || !plan || locked.planDigest !== change.planDigest) throw otherPlan(approval, locked?.planDigest);
      const stored = (await planByDigest(tx.db, locked.planDigest!))!;
      const person = check(locked, stored, plan, approval, keys, actor, tx.now);
      const given = await approvalsOf(tx.db, stored.digest);
      if (given.some((one) => one.person === person)) throw new AppError('APPROVAL_TWICE');
      await insertApproval(tx.db, approval, { id: person, name: actor.name }, tx.now);
      const all = [...given.map((one) => one.approval), approval];
      const have = approvers(all, { plan, digest: stored.digest, keys }).length;
      if (have >= plan.approvalsRequired) await updateChange(tx.db, id, { state: 'scheduled' }, tx.now);
      await tx.record({
        type: 'change.plan.approved',
        subject: changeSubject(locked),
        related: hostsOf(plan),
        detail: {
          digest: stored.digest,
          keyId: approval.statement.keyId,
          person,
          name: actor.name,
          statement: { ...approval.statement },
          signature: approval.signature,
          have,
          needed: plan.approvalsRequired,
        },
      });
      await tx.publish('changes', { changeId: id });
      await tx.enqueue('change.advance', { changeId: id }, { singletonKey: id });
    });
  } catch (error) {
    await recordRefusal(deps, actor, change, error);
    throw error;
  }
  return viewChange(deps, id);
}

const otherPlan = (approval: Approval, current: string | null | undefined): AppError =>
  new AppError('APPROVAL_OTHER_PLAN', { signed: approval.statement.plan, current: current ?? 'no plan' });

/** The person whose approval this is. */
function check(
  change: ChangeRow,
  stored: StoredPlan,
  plan: Plan,
  approval: Approval,
  keys: readonly ApproverKey[],
  actor: Actor,
  now: Date,
): string {
  if (change.state !== 'awaiting-approval') {
    throw new AppError('CHANGE_STATE', { state: change.state, needs: 'awaiting-approval', verb: 'approved' });
  }
  // Who asked for the change is its author, too, when somebody else planned it again.
  return mustApprove(approval, {
    plan,
    digest: stored.digest,
    keys,
    actor,
    madeAt: stored.madeAt,
    now,
    also: change.author,
  });
}

/** An approval that was tried and refused is worth knowing. */
async function recordRefusal(deps: Deps, actor: Actor, change: ChangeRow, error: unknown): Promise<void> {
  if (!(error instanceof AppError) || !error.code.startsWith('APPROVAL_')) return;
  await deps.platform.observe(actor, async (tx) => {
    await tx.record({
      type: 'change.approval.refused',
      subject: changeSubject(change),
      detail: { code: error.code, why: error.message, digest: change.planDigest },
    });
  });
}
