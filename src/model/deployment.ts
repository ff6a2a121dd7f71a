import * as z from 'zod';
import { Instant, Sha256 } from './json.ts';

/** How fast a deployment goes, and when it stops by itself. */
const Pace = {
  /** hosts that are worked on at one time */
  concurrency: z.number().int().min(1).max(64),
  /** hosts of a wave whose installation broke after it had begun to write, before the rest is left alone */
  maxFailed: z.number().int().min(0).max(100_000),
};
export const DEFAULT_PACE = { concurrency: 4, maxFailed: 2 } as const;

export const DeploymentHost = z.object({
  hostId: z.string(),
  hostName: z.string(),
  wave: z.number().int(),
  /** `stopped`: not begun, because too many before it broke, its time was over or somebody cancelled */
  state: z.enum(['waiting', 'running', 'done', 'failed', 'stopped']),
  why: z.string().nullable(),
  credential: z.string().nullable(),
});
export type DeploymentHost = z.infer<typeof DeploymentHost>;

export const DeploymentState = z.enum(['awaiting-approval', 'scheduled', 'running', 'done', 'cancelled']);
export type DeploymentState = z.infer<typeof DeploymentState>;

const Signer = z.object({ keyId: z.string(), name: z.string() });

/** One push of agents onto hosts; each host succeeds or fails by itself. */
export const Deployment = z.object({
  id: z.string(),
  state: DeploymentState,
  createdAt: Instant,
  finishedAt: Instant.nullable(),
  /** user id of who asked for it, and the name they went by */
  author: z.string(),
  createdBy: z.string(),
  /** rule that asked for it */
  rule: z.string().nullable(),
  /** nothing was installed: the hosts are looked after over SSH */
  agentless: z.boolean(),
  ...Pace,
  notBefore: Instant.nullable(),
  notAfter: Instant.nullable(),
  /** what an approver signs the digest of; null where nobody has to */
  planDigest: Sha256.nullable(),
  approvalsRequired: z.number().int(),
  approvers: z.array(Signer),
  /** why it ended before all hosts had their turn */
  why: z.string().nullable(),
  hosts: z.array(DeploymentHost),
});
export type Deployment = z.infer<typeof Deployment>;

/** Which hosts to install the agent on, and how. */
export const DeploymentInput = z
  .object({
    hostIds: z.array(z.string()).max(10_000).optional(),
    /** every host that is not managed and was not set aside */
    unknown: z.boolean().optional(),
    tag: z.object({ key: z.string(), value: z.string() }).optional(),
    /** hosts of an earlier deployment that failed or did not have their turn, with its logins */
    retryOf: z.string().optional(),
    /** try only these, in this order; default: keys, and of passwords those that are bound to where the host is */
    credentials: z.array(z.string()).min(1).optional(),
    /** also hosts that have an agent: install again, with a new identity and today's approver keys */
    force: z.boolean().default(false),
    /** the machines were rebuilt on purpose: forget the pinned SSH host keys first */
    acceptHostKey: z.boolean().default(false),
    /** install nothing: look after these hosts over SSH from now on */
    agentless: z.boolean().default(false),
    concurrency: Pace.concurrency.default(DEFAULT_PACE.concurrency),
    maxFailed: Pace.maxFailed.default(DEFAULT_PACE.maxFailed),
    /** hosts of each wave; default: one wave for a few hosts, else waves that grow */
    wave: z.number().int().min(1).max(10_000).optional(),
    /** nothing is done before an approver other than the author signed */
    ask: z.boolean().default(false),
    notBefore: Instant.optional(),
    notAfter: Instant.optional(),
  })
  .strict();
export type DeploymentInput = z.infer<typeof DeploymentInput>;

/** Immutable; an approval signs the SHA-256 of its RFC 8785 canonical bytes. */
export const DeploymentPlan = z.object({
  type: z.literal('lastember/deployment/v1'),
  deploymentId: z.string(),
  author: z.string(),
  nonce: z.string(),
  notBefore: Instant,
  notAfter: Instant,
  approvalsRequired: z.number().int().min(1),
  agentless: z.boolean(),
  acceptHostKey: z.boolean(),
  /** also where there is an agent: it gets a new identity, and the approver keys of the day */
  force: z.boolean(),
  ...Pace,
  /** names of the logins that are tried, in order */
  credentials: z.array(z.string()),
  hosts: z
    .array(z.object({ hostId: z.string(), name: z.string(), addresses: z.array(z.string()), wave: z.number().int() }))
    .min(1),
});
export type DeploymentPlan = z.infer<typeof DeploymentPlan>;

/** Hours of a day in UTC as `HH:MM-HH:MM`; the second may be before the first, over midnight. */
export const Hours = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d-(?:[01]\d|2[0-3]):[0-5]\d$/);

const RuleFields = {
  name: z.string().regex(/^[\w.-]{1,60}$/),
  /** addresses, CIDRs and tags as key=value: new hosts there get an agent without being named */
  where: z.array(z.string().min(1).max(300)).min(1).max(1000),
  /** also hosts whose agent vanished and that a scan still finds */
  redeploy: z.boolean(),
  /** names of logins, in order; empty: those that may be tried unnamed */
  credentials: z.array(z.string()),
  agentless: z.boolean(),
  /** true: the rule is signed once and then holds; false: each deployment that it asks for is */
  standing: z.boolean(),
  /** when deployments may begin, or null: at any time */
  hours: Hours.nullable(),
  /** hosts in any 24 hours, at most */
  most: z.number().int().min(1).max(10_000),
  /** hours from discovery within which a host here has to be managed */
  within: z.number().int().min(1).max(8760),
  notAfter: Instant,
};

/** What an approver signs of a standing rule. */
export const DeployRulePlan = z.object({
  type: z.literal('lastember/deploy-rule/v1'),
  ruleId: z.string(),
  author: z.string(),
  nonce: z.string(),
  approvalsRequired: z.number().int().min(1),
  ...RuleFields,
});
export type DeployRulePlan = z.infer<typeof DeployRulePlan>;

export const DeployRuleInput = z
  .object({
    ...RuleFields,
    redeploy: RuleFields.redeploy.default(false),
    credentials: RuleFields.credentials.default([]),
    agentless: RuleFields.agentless.default(false),
    standing: RuleFields.standing.default(false),
    hours: RuleFields.hours.default(null),
    most: RuleFields.most.default(20),
    within: RuleFields.within.default(24),
  })
  .strict();
export type DeployRuleInput = z.infer<typeof DeployRuleInput>;

/** "New server in segment X: deploy, after approval." */
export const DeployRule = z.object({
  id: z.string(),
  state: z.enum(['awaiting-approval', 'in-force', 'expired', 'ended']),
  ...RuleFields,
  author: z.string(),
  createdBy: z.string(),
  createdAt: Instant,
  planDigest: Sha256,
  approvers: z.array(Signer),
  /** its last deployment ended before its time, and it asks for nothing for a day; null: it does not rest */
  rests: z.string().nullable(),
});
export type DeployRule = z.infer<typeof DeployRule>;

/** How the hosts of a segment stand, and how long they took from being discovered to being managed. */
export const Coverage = z.object({
  kind: z.enum(['scope', 'rule', 'all']),
  name: z.string(),
  hosts: z.number().int(),
  managed: z.number().int(),
  /** of the managed: without an agent, over SSH */
  agentless: z.number().int(),
  unmanaged: z.number().int(),
  unmanageable: z.number().int(),
  lost: z.number().int(),
  /** set aside by a person; in no other count */
  ignored: z.number().int(),
  /** hours within which a host has to be managed */
  within: z.number().int(),
  /** hosts that were managed in time, of those whose time is over or that are managed; null: there are none */
  kept: z.number().min(0).max(1).nullable(),
  /** hours from discovered to managed */
  median: z.number().nullable(),
  p95: z.number().nullable(),
  /** hosts that are not managed although their time is over, longest first */
  overdue: z.array(z.object({ hostId: z.string(), name: z.string(), hours: z.number(), why: z.string().nullable() })),
});
export type Coverage = z.infer<typeof Coverage>;
