import { createHash, createPublicKey, verify } from 'node:crypto';
import type { Approval, ApproverKey, Plan } from '../../../model/plan.ts';
import { canonical } from './canonical.ts';

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
  plan: Pick<Plan, 'changeId' | 'author' | 'notAfter'>;
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
  if (!verifyEd25519(raw, canonical(statement), signature)) return 'APPROVAL_FORGED';
  if (statement.plan !== context.digest || statement.changeId !== context.plan.changeId) return 'APPROVAL_OTHER_PLAN';
  if (key.person === context.plan.author) return 'APPROVAL_BY_AUTHOR';
  return key;
}

/** Only where a new approval comes in: one that was given in time stays given. */
export function judgeTime(
  approval: Approval,
  plan: Pick<Plan, 'notAfter'>,
  madeAt: Date,
  now: Date,
): ApprovalProblem | null {
  if (now.getTime() > Date.parse(plan.notAfter)) return 'APPROVAL_EXPIRED';
  const at = Date.parse(approval.statement.approvedAt);
  const early = at < madeAt.getTime() - CLOCK_SKEW_MS;
  return early || at > now.getTime() + CLOCK_SKEW_MS ? 'APPROVAL_TIME' : null;
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
export function verifyEd25519(raw: Uint8Array, text: string, signature: string): boolean {
  const bytes = Buffer.from(signature, 'base64');
  if (raw.length !== 32 || bytes.length !== 64) return false;
  try {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(raw).toString('base64url') };
    return verify(null, Buffer.from(text), createPublicKey({ key: jwk, format: 'jwk' }), bytes);
  } catch {
    return false;
  }
}
