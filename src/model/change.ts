import * as z from 'zod';
import { Impact } from './impact.ts';
import { Instant, Sha256 } from './json.ts';
import { Approval, StepOutcome } from './plan.ts';

export const ChangeState = z.enum([
  'draft',
  'planned',
  'awaiting-approval',
  'scheduled',
  'running',
  'paused',
  'verifying',
  'closed',
  'failed',
  'rolled-back',
  'cancelled',
]);
export type ChangeState = z.infer<typeof ChangeState>;

export const TaskState = z.enum(['waiting', 'running', 'done', 'failed', 'rolling-back', 'rolled-back', 'skipped']);
export type TaskState = z.infer<typeof TaskState>;

export const TaskStatus = z.object({
  id: z.string(),
  hostId: z.string(),
  hostName: z.string(),
  wave: z.number().int(),
  state: TaskState,
  step: z.number().int(),
  steps: z.number().int(),
  error: z.string().nullable(),
  /** carried out over SSH by the server; no step of it is signed by the host */
  over: z.literal('ssh').optional(),
  /** why it did not go on, last */
  note: z.string().nullable().optional(),
  outcomes: z.array(StepOutcome.extend({ hostSigned: z.boolean() })),
});
export type TaskStatus = z.infer<typeof TaskStatus>;

/** Why something that was asked for is not in the plan. */
export const Left = z.object({
  hostId: z.string(),
  hostName: z.string(),
  endpoint: z.string().nullable(),
  why: z.string(),
});
export type Left = z.infer<typeof Left>;

export const Change = z.object({
  id: z.string(),
  title: z.string(),
  reason: z.string(),
  kit: z.string(),
  state: ChangeState,
  /** user id of who asked for it, and the name they went by */
  author: z.string(),
  authorName: z.string(),
  findings: z.array(z.string()),
  planDigest: Sha256.nullable(),
  approvals: z.array(Approval),
  /** who holds the keys of `approvals`, as they were called then */
  approvers: z.array(z.object({ keyId: z.string(), name: z.string() })),
  approvalsRequired: z.number().int(),
  predicted: Impact.nullable(),
  /** what really happened, beside `predicted` */
  observed: Impact.nullable(),
  waves: z.array(
    z.object({
      name: z.string(),
      canary: z.boolean(),
      state: z.enum(['waiting', 'running', 'done', 'failed', 'stopped']),
      tasks: z.array(TaskStatus),
    }),
  ),
  /** why it stopped, failed or was refused, in words */
  why: z.string().nullable(),
  left: z.array(Left).optional(),
  startAt: Instant.nullable(),
  createdAt: Instant,
  updatedAt: Instant,
});
export type Change = z.infer<typeof Change>;

/** Pure predicates shared by server, CLI and console. */
export function canApprove(
  change: { state: string; author: string; approvals: readonly { statement: { keyId: string } }[] },
  person: { id: string; role: string },
  keyIds: readonly string[],
): boolean {
  const mayRole = person.role === 'approver' || person.role === 'admin';
  const already = change.approvals.some((a) => keyIds.includes(a.statement.keyId));
  return change.state === 'awaiting-approval' && mayRole && person.id !== change.author && !already;
}
