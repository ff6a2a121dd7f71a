import * as z from 'zod';
import { Section } from './facts.ts';
import { Instant, Sha256 } from './json.ts';
import { PatrolOrder } from './patrol.ts';
import { Approval, ApproverKey, SignedOutcome } from './plan.ts';

/** The agent protocol: HTTPS under /agent/v1, mutual TLS except `enroll`. Requests and replies by path. */
export const EnrollRequest = z.object({
  token: z.string(),
  /** PKCS#10 PEM; Ed25519 key made on the host */
  csr: z.string().max(8192),
  version: z.string(),
  platform: z.string(),
  hostname: z.string(),
  machineId: z.string().nullable(),
  addresses: z.array(z.string()),
  sshHostKeys: z.array(z.string()),
  /** of the running kernel: the same machine that enrolls anew has the same */
  bootId: z.string().max(64).nullable().optional(),
});
export type EnrollRequest = z.infer<typeof EnrollRequest>;
export const EnrollReply = z.object({
  agentId: z.string(),
  hostId: z.string(),
  certificate: z.string(),
  ca: z.string(),
  approverKeys: z.array(ApproverKey),
  /** verifier key line of the trail's checkpoints (C2SP signed note) */
  checkpointKey: z.string(),
});
export type EnrollReply = z.infer<typeof EnrollReply>;

/** POST /agent/v1/renew: a new certificate for the key that the agent enrolled with. */
export const RenewRequest = z.object({ csr: z.string().max(8192) });
export const RenewReply = z.object({ certificate: z.string() });
export type RenewRequest = z.infer<typeof RenewRequest>;
export type RenewReply = z.infer<typeof RenewReply>;

/**
 * A program for agents, as approvers sign it: an approval's `changeId` is the id here, and its `plan` the digest of this
 * document's canonical bytes. It is good for these agents, until then, and never after a newer one.
 */
export const Release = z.object({
  type: z.literal('lastember/agent-release/v1'),
  changeId: z.string(),
  author: z.string(),
  approvalsRequired: z.number().int().min(1),
  version: z.string(),
  /** of the program, not of a runtime around it */
  program: Sha256,
  size: z.number().int().positive(),
  agents: z.array(z.string()).min(1),
  madeAt: Instant,
  notAfter: Instant,
});
export type Release = z.infer<typeof Release>;
/** `release`: its canonical text. */
export const UpdateOffer = z.object({ release: z.string(), digest: Sha256, approvals: z.array(Approval) });
export type UpdateOffer = z.infer<typeof UpdateOffer>;

export const CheckInRequest = z.object({
  version: z.string(),
  bootId: z.string().max(64).nullable(),
  startedAt: z.string(),
  /** IPv4 address and prefix length of each of its interfaces, where it may look around; none: its settings say no */
  subnets: z.array(z.string().max(50)).max(64).optional(),
  /** digest of the program that runs */
  program: Sha256.optional(),
  /** the last update that it refused or took back */
  notUpdated: z.object({ updateId: z.string().max(100), why: z.string().max(1000) }).optional(),
});
export const CheckInReply = z.object({
  hostId: z.string(),
  pollSeconds: z.number(),
  factsSeconds: z.number(),
  /** what it is to look at around itself; without one it looks at nothing, and ends what it is at */
  patrol: PatrolOrder.nullable().optional(),
  update: UpdateOffer.optional(),
});
export type CheckInRequest = z.infer<typeof CheckInRequest>;
export type CheckInReply = z.infer<typeof CheckInReply>;
/** GET /agent/v1/program/DIGEST: base64 of the gzip of it. */
export const ProgramReply = z.object({ program: z.base64() });

/**
 * POST /agent/v1/goodbye: the agent ends, and says why. Its key signs the RFC 8785 text of `statement`, so that the trail
 * can show that it was the host itself. `uninstalled`: it is being removed and will not come back.
 */
export const Goodbye = z.object({
  type: z.literal('lastember/goodbye/v1'),
  agentId: z.string().max(100),
  kind: z.enum(['stopping', 'uninstalled']),
  /** the whole machine goes down */
  shutdown: z.boolean(),
  reason: z.string().min(1).max(300),
  at: z.iso.datetime(),
});
export const GoodbyeRequest = z.object({ statement: Goodbye, signature: z.string().max(200) }).strict();
/** `expected`: the server ordered it, or takes it for what happens every day. */
export const GoodbyeReply = z.object({ expected: z.boolean() });
export type Goodbye = z.infer<typeof Goodbye>;
export type GoodbyeRequest = z.infer<typeof GoodbyeRequest>;

/** First without data: the reply names the sections whose hash the server lacks; then again with their data. */
export const FactsRequest = z.object({
  sections: z
    .array(Section)
    .max(32)
    .refine((sections) => new Set(sections.map(({ name }) => name)).size === sections.length, 'a section comes twice'),
});
export const FactsReply = z.object({ want: z.array(z.string()) });
export type FactsRequest = z.infer<typeof FactsRequest>;
export type FactsReply = z.infer<typeof FactsReply>;

/**
 * One leg of a task: contiguous host steps [from, to) of the approved plan. `plan` is the plan's canonical JSON text
 * exactly as hashed. `inputs`: results of server steps that later host steps need (the issued chain), which the step
 * itself checks against the plan and its own new key.
 */
export const Assignment = z.object({
  id: z.string(),
  taskId: z.string(),
  mode: z.enum(['apply', 'undo']),
  from: z.number().int(),
  to: z.number().int(),
  plan: z.string(),
  digest: Sha256,
  approvals: z.array(Approval),
  inputs: z.object({ certificateChain: z.string().optional() }),
});
export type Assignment = z.infer<typeof Assignment>;
/** GET /agent/v1/tasks?wait=SECONDS (long poll). `refreshFacts`: collect and send facts now (before/after verification). */
export const TasksReply = z.object({ assignments: z.array(Assignment), refreshFacts: z.boolean() });
export type TasksReply = z.infer<typeof TasksReply>;
/** POST /agent/v1/outcomes. `refused`: the agent would not start, with the reason code and text. */
export const OutcomesRequest = z.object({
  outcomes: z.array(SignedOutcome),
  refused: z.array(z.object({ assignmentId: z.string(), taskId: z.string(), code: z.string(), why: z.string() })),
});
export type OutcomesRequest = z.infer<typeof OutcomesRequest>;

/** GET /agent/v1/checkpoint?size=N: latest checkpoint and RFC 6962 consistency proof from N. */
export const CheckpointReply = z.object({ checkpoint: z.string(), consistency: z.array(Sha256) });
export type CheckpointReply = z.infer<typeof CheckpointReply>;
/** POST /agent/v1/alarms: the server's history does not fit what this agent saw. */
export const AlarmRequest = z.object({
  kind: z.literal('inconsistent-trail'),
  seen: z.object({ size: z.number(), root: Sha256 }),
  offered: z.object({ size: z.number(), root: Sha256 }),
  why: z.string(),
});
export type AlarmRequest = z.infer<typeof AlarmRequest>;
