import type { Actor } from '../../model/actor.ts';
import type { Deployment } from '../../model/deployment.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Approval } from '../../model/plan.ts';
import type { Subject } from '../../model/trail.ts';
import { approvers, mustApprove, type ToApprove } from '../../platform/approval.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { aboutRule, end } from './deployment-start.ts';
import { enqueueAt } from './make-deployment.ts';
import { approvalsOf, insertApproval } from './store-approvals.ts';
import { deployments, lockDeployment, moveDeployment, type DeploymentRow } from './store-deployments.ts';
import { moveRule, ruleById } from './store-rules.ts';

/** What somebody signs, and what follows when enough people have. */
interface Signed {
  subject: Subject;
  about: ToApprove;
  digest: string;
  required: number;
  madeAt: Date;
  /** `enrollment.deployment` or `enrollment.rule` */
  noun: string;
  whenEnough(tx: Tx): Promise<unknown>;
}

/** Takes a signature over the plan's digest from the person who is signed in, made with that person's own key. */
export async function approveDeployment(
  platform: Platform,
  actor: Actor,
  id: string,
  approval: Approval,
): Promise<Deployment> {
  await signed(platform, actor, approval, async (tx) => {
    const row = await lockDeployment(tx.db, id);
    if (!row) throw new AppError('NOT_FOUND', { what: 'deployment', id, list: 'deployment list' });
    mustBe(row, 'awaiting-approval', 'approved');
    return {
      subject: { kind: 'deployment', id },
      about: { changeId: id, author: row.author, notAfter: row.not_after!.toISOString() },
      digest: row.plan_digest!,
      required: row.approvals_required,
      madeAt: row.created_at,
      noun: 'enrollment.deployment',
      whenEnough: async () => {
        await moveDeployment(tx.db, id, ['awaiting-approval'], { state: 'scheduled' });
        await enqueueAt(tx, id, row.not_before);
        await tx.publish('agents', { deploymentId: id });
      },
    };
  });
  return (await deployments(platform.db, [id]))[0]!;
}

function mustBe(row: DeploymentRow, needs: DeploymentRow['state'], verb: string): void {
  if (row.state !== needs) throw new AppError('DEPLOY_STATE', { state: row.state, needs, verb });
}

/** The same for a standing rule: signed once, it asks for deployments until its end. */
export async function approveRule(platform: Platform, actor: Actor, id: string, approval: Approval): Promise<void> {
  await signed(platform, actor, approval, async (tx) => {
    const row = await ruleById(tx.db, id);
    if (!row) throw new AppError('NOT_FOUND', { what: 'deployment rule', id, list: 'deploy-rule list' });
    if (row.state !== 'awaiting-approval')
      throw new AppError('DEPLOY_RULE_STATE', { name: row.name, state: row.state.replace('-', ' ') });
    return {
      subject: { kind: 'rule', id, name: row.name },
      about: aboutRule(row.rule),
      digest: row.plan_digest,
      required: row.rule.approvalsRequired,
      madeAt: row.created_at,
      noun: 'enrollment.rule',
      whenEnough: async () => {
        await moveRule(tx.db, id, ['awaiting-approval'], 'in-force');
        await tx.enqueue('enrollment.tick', {});
      },
    };
  });
}

async function signed(
  platform: Platform,
  actor: Actor,
  approval: Approval,
  find: (tx: Tx) => Promise<Signed>,
): Promise<void> {
  const keys = await platform.approverKeys();
  let about: Signed | undefined;
  try {
    await platform.observe(actor, async (tx) => {
      about = await find(tx);
      const { digest, about: plan, required, subject, noun } = about;
      const given = { plan, digest, keys, actor, madeAt: about.madeAt, now: tx.now, also: plan.author };
      const person = mustApprove(approval, given);
      const before = await approvalsOf(tx.db, digest);
      if (before.some((one) => one.person === person)) throw new AppError('APPROVAL_TWICE');
      await insertApproval(tx.db, subject.id, approval, { id: person, name: actor.name, at: tx.now });
      const have = approvers([...before.map((one) => one.approval), approval], { plan, digest, keys }).length;
      if (have >= required) await about.whenEnough(tx);
      await tx.record({
        type: `${noun}.approved`,
        subject,
        detail: {
          digest,
          keyId: approval.statement.keyId,
          person,
          name: actor.name,
          statement: { ...approval.statement },
          signature: approval.signature,
          have,
          needed: required,
        },
      });
    });
  } catch (error) {
    if (about && error instanceof AppError && error.code.startsWith('APPROVAL_'))
      await recordRefusal(platform, actor, about, error);
    throw error;
  }
}

/** An approval that was tried and refused is worth knowing. */
async function recordRefusal(
  platform: Platform,
  actor: Actor,
  { subject, digest }: Signed,
  error: AppError,
): Promise<void> {
  await platform.observe(actor, async (tx) => {
    await tx.record({
      type: 'enrollment.deployment.refused',
      subject,
      detail: { code: error.code, why: error.message, digest },
    });
  });
}

/** Ends it; hosts that somebody is at are brought to their end, the others are left alone. */
export async function cancelDeployment(platform: Platform, actor: Actor, id: string): Promise<Deployment> {
  const [found] = await deployments(platform.db, [id]);
  if (!found) throw new AppError('NOT_FOUND', { what: 'deployment', id, list: 'deployment list' });
  if (found.state === 'done' || found.state === 'cancelled')
    throw new AppError('DEPLOY_STATE', {
      state: found.state,
      needs: 'awaiting approval, scheduled or running',
      verb: 'cancelled',
    });
  const row = await platform.observe(actor, (tx) => lockDeployment(tx.db, id));
  await end(platform, row!, `cancelled by ${actor.name}`, actor);
  return (await deployments(platform.db, [id]))[0]!;
}
