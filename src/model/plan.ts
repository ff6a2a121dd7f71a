import * as z from 'zod';
import { Impact } from './impact.ts';
import { Instant, Sha256 } from './json.ts';
import { Step } from './kit.ts';

/** One host's part of a plan: ordered steps with every argument resolved. */
export const Task = z.object({
  id: z.string(),
  hostId: z.string(),
  hostName: z.string(),
  /** agent that must run it; its key signs the outcomes. With `over`, the access of the host instead */
  agentId: z.string(),
  /**
   * The host has no agent: the server itself carries out the steps over SSH, and what it says came of them is signed by
   * nobody. Approvers sign that, too.
   */
  over: z.literal('ssh').optional(),
  findings: z.array(z.string()),
  /** facts the planner relied on: section → hash of the *relevant* values (see `relies`), re-checked before the first step */
  relies: z.array(
    z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('package'), name: z.string(), version: z.string() }),
      z.object({ kind: z.literal('file'), path: z.string(), sha256: Sha256.nullable() }),
      z.object({ kind: z.literal('candidate'), name: z.string(), version: z.string() }),
    ]),
  ),
  steps: z.array(Step).min(1),
  rollback: z.enum(['undo', 'none']),
  /** services that must be running and listeners that must accept after the task */
  health: z.array(
    z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('service'), name: z.string() }),
      z.object({ kind: z.literal('listener'), address: z.string(), port: z.number().int() }),
    ]),
  ),
});
export type Task = z.infer<typeof Task>;

export const Wave = z.object({ name: z.string(), canary: z.boolean(), tasks: z.array(Task).min(1) });
export type Wave = z.infer<typeof Wave>;

/** Immutable. Approvals sign the SHA-256 of its RFC 8785 canonical bytes; nothing else can run. */
export const Plan = z.object({
  type: z.literal('lastember/plan/v1'),
  changeId: z.string(),
  author: z.string(),
  kit: z.object({ id: z.string(), version: z.string(), digest: Sha256 }),
  nonce: z.string(),
  notBefore: Instant,
  notAfter: Instant,
  approvalsRequired: z.number().int().min(1),
  /** a wave stops, and no later one starts, when more than this many of its tasks fail */
  abortAfterFailures: z.number().int().min(0),
  waves: z.array(Wave).min(1),
  impact: Impact,
});
export type Plan = z.infer<typeof Plan>;

/** What is signed: the canonical bytes of this object (without `signature`). */
export const ApprovalStatement = z.object({
  type: z.literal('lastember/approval/v1'),
  changeId: z.string(),
  plan: Sha256,
  keyId: z.string(),
  approvedAt: Instant,
});
export type ApprovalStatement = z.infer<typeof ApprovalStatement>;
/** `signature`: base64 Ed25519 over the statement's canonical bytes. */
export const Approval = z.object({ statement: ApprovalStatement, signature: z.string() });
export type Approval = z.infer<typeof Approval>;

/** An approver's public key as pinned by agents. `keyId` = first 16 hex digits of SHA-256 over the raw 32-byte key. `person` = user id. */
export const ApproverKey = z.object({ keyId: z.string(), person: z.string(), name: z.string(), publicKey: z.string() });
export type ApproverKey = z.infer<typeof ApproverKey>;

/** Result of one step, written down by whoever ran it. */
export const StepOutcome = z.object({
  taskId: z.string(),
  index: z.number().int(),
  kind: z.string(),
  phase: z.enum(['apply', 'undo']),
  ok: z.boolean(),
  changed: z.boolean(),
  startedAt: Instant,
  finishedAt: Instant,
  /** before/after and what was observed: package versions, file hashes, PIDs restarted, CSR … never secrets */
  before: z.record(z.string(), z.unknown()),
  after: z.record(z.string(), z.unknown()),
  error: z.string().nullable(),
});
export type StepOutcome = z.infer<typeof StepOutcome>;

/** Outcome as the host signs it: base64 signature by the agent's key over canonical bytes of `{plan, outcome}`. */
export const SignedOutcome = z.object({
  agentId: z.string(),
  plan: Sha256,
  outcome: StepOutcome,
  signature: z.string(),
});
export type SignedOutcome = z.infer<typeof SignedOutcome>;
