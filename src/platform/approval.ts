import { createHash, createPublicKey, verify } from 'node:crypto';
import type { Actor } from '../model/actor.ts';
import { AppError } from '../model/errors/index.ts';
import type { Approval, ApproverKey } from '../model/plan.ts';
import { canonicalBytes } from './ledger/canonical.ts';

/** What an approval is about: a change's plan, or anything else that people sign. */
export interface ToApprove {
  /** id of what the plan belongs to */
  changeId: string;
  author: string;
  notAfter: string;
}

/** Clocks of approvers' machines may differ from ours by this much. */
const CLOCK_SKEW_MS = 5 * 60_000;

export type ApprovalProblem =
  | 'APPROVAL_OTHER_PLAN'
  | 'APPROVAL_FORGED'
  | 'APPROVAL_KEY_UNKNOWN'
  | 'APPROVAL_BY_AUTHOR'
  | 'APPROVAL_TIME'
  | 'APPROVAL_EXPIRED';

export interface ApprovalContext {
  plan: ToApprove;
  digest: string;
  /** registered and not revoked, now */
  keys: readonly ApproverKey[];
}

/** Is this a genuine approval of exactly this plan by somebody who may give it? The key that gave it, or why not. */
export function judgeApproval(
  { statement, signature }: Approval,
  context: ApprovalContext,
): ApproverKey | ApprovalProblem {
  const key = context.keys.find((one) => one.keyId === statement.keyId);
  const raw = Buffer.from(key?.publicKey ?? '', 'base64');
  // The id follows from the key: a table with swapped ids must not let one person sign as another.
  if (!key || keyIdOf(raw) !== key.keyId) return 'APPROVAL_KEY_UNKNOWN';
  if (!verifyEd25519(raw, canonicalBytes(statement), signature)) return 'APPROVAL_FORGED';
  if (statement.plan !== context.digest || statement.changeId !== context.plan.changeId) return 'APPROVAL_OTHER_PLAN';
  if (key.person === context.plan.author) return 'APPROVAL_BY_AUTHOR';
  return key;
}

/** Only where a new approval comes in: one that was given in time stays given. */
export function judgeTime(
  approval: Approval,
  plan: Pick<ToApprove, 'notAfter'>,
  madeAt: Date,
  now: Date,
): ApprovalProblem | null {
  if (now.getTime() > Date.parse(plan.notAfter)) return 'APPROVAL_EXPIRED';
  const at = Date.parse(approval.statement.approvedAt);
  const early = at < madeAt.getTime() - CLOCK_SKEW_MS;
  return early || at > now.getTime() + CLOCK_SKEW_MS ? 'APPROVAL_TIME' : null;
}

/** The person whose approval this is, given now by who is signed in; or the refusal, in words. `also`: its author too. */
export function mustApprove(
  approval: Approval,
  given: ApprovalContext & { actor: Actor; madeAt: Date; now: Date; also: string },
): string {
  const { plan, digest, actor } = given;
  const refusal = (problem: ApprovalProblem): AppError =>
    new AppError(problem, {
      key: approval.statement.keyId,
      signed: approval.statement.plan,
      current: digest,
      at: approval.statement.approvedAt,
      notAfter: plan.notAfter,
    });
  const judged = judgeApproval(approval, given);
  if (typeof judged === 'string') throw refusal(judged);
  if (judged.person === given.also || actor.id === given.also) throw new AppError('APPROVAL_BY_AUTHOR');
  if (judged.person !== actor.id) throw new AppError('APPROVAL_OTHER_PERSON', { key: judged.keyId });
  const late = judgeTime(approval, plan, given.madeAt, given.now);
  if (late) throw refusal(late);
  return judged.person;
}

/** Distinct people whose approvals hold now. */
export function approvers(approvals: readonly Approval[], context: ApprovalContext): string[] {
  const people = approvals.flatMap((approval) => {
    const judged = judgeApproval(approval, context);
    return typeof judged === 'string' ? [] : [judged.person];
  });
  return [...new Set(people)];
}

export const keyIdOf = (raw: Uint8Array): string => createHash('sha256').update(raw).digest('hex').slice(0, 16);

/** Raw 32-byte public key, base64 signature. What has the wrong size is simply not genuine. */
export function verifyEd25519(raw: Uint8Array, text: string | Uint8Array, signature: string): boolean {
  const bytes = Buffer.from(signature, 'base64');
  if (raw.length !== 32 || bytes.length !== 64) return false;
  try {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(raw).toString('base64url') };
    return verify(
      null,
      typeof text === 'string' ? Buffer.from(text) : text,
      createPublicKey({ key: jwk, format: 'jwk' }),
      bytes,
    );
  } catch {
    return false;
  }
}
