import * as z from 'zod';
import { Instant, Sha256 } from './json.ts';

const Common = {
  /** where it may be used: addresses, CIDRs, hosts by id or name, tags as key=value; empty: anywhere it is named for */
  for: z.array(z.string().min(1).max(300)).max(1000).optional(),
  /** how a login that is not root becomes root; `doas` must allow it without a password */
  become: z.enum(['sudo', 'doas']).optional(),
  /** for sudo, where it is not the login's own password */
  becomePassword: z.string().min(1).max(1024).optional(),
  /** a bastion to go through: a host by id or name, and the login for it */
  via: z.object({ host: z.string().min(1).max(300), credential: z.string().min(1).max(60) }).optional(),
};

/** How to log in to hosts without an agent. The secret goes in and never comes out again. */
export const CredentialInput = z.discriminatedUnion('kind', [
  z
    .object({
      kind: z.literal('password'),
      name: z.string().regex(/^[\w.-]{1,60}$/),
      username: z.string().min(1).max(64),
      password: z.string().min(1).max(1024),
      ...Common,
    })
    .strict(),
  z
    .object({
      kind: z.literal('private-key'),
      name: z.string().regex(/^[\w.-]{1,60}$/),
      username: z.string().min(1).max(64),
      privateKey: z.string().min(1).max(32_768),
      passphrase: z.string().max(1024).optional(),
      ...Common,
    })
    .strict(),
]);
export type CredentialInput = z.infer<typeof CredentialInput>;
export const Credential = z.object({
  id: z.string(),
  name: z.string(),
  username: z.string(),
  kind: z.enum(['password', 'private-key']),
  become: z.enum(['sudo', 'doas']).nullable(),
  /** where it may be used; hosts by id; empty: anywhere it is named for */
  for: z.array(z.string()),
  /** bastion that it goes through, as login@host */
  via: z.string().nullable(),
  /** tried where nobody named it; false: it would hand a password to a machine that only says who it is */
  triedUnnamed: z.boolean(),
  createdAt: Instant,
  createdBy: z.string(),
});
export type Credential = z.infer<typeof Credential>;

export const DeploymentHost = z.object({
  hostId: z.string(),
  hostName: z.string(),
  state: z.enum(['waiting', 'running', 'done', 'failed']),
  why: z.string().nullable(),
  credential: z.string().nullable(),
});
/** One push of agents onto hosts; each host succeeds or fails by itself. */
export const Deployment = z.object({
  id: z.string(),
  state: z.enum(['running', 'done']),
  createdAt: Instant,
  finishedAt: Instant.nullable(),
  createdBy: z.string(),
  /** nothing was installed: the hosts are looked after over SSH */
  agentless: z.boolean(),
  hosts: z.array(DeploymentHost),
});
export type Deployment = z.infer<typeof Deployment>;

/** A host that is looked after over SSH, without an agent. */
export const Access = z.object({
  hostId: z.string(),
  /** name of the login */
  credential: z.string(),
  since: Instant,
  createdBy: z.string(),
  lastLook: Instant.nullable(),
  /** looks that did not succeed since the last one that did */
  failures: z.number().int(),
  lastError: z.string().nullable(),
  nextLook: Instant,
});
export type Access = z.infer<typeof Access>;

export const Agent = z.object({
  id: z.string(),
  hostId: z.string(),
  version: z.string(),
  /** digest of the program that it runs; null: it never said */
  program: Sha256.nullable(),
  state: z.enum(['active', 'revoked', 'lost']),
  lastCheckIn: Instant.nullable(),
  approverKeyIds: z.array(z.string()),
});
export type Agent = z.infer<typeof Agent>;

/** Which hosts to install the agent on, and how. */
export const DeploymentInput = z
  .object({
    hostIds: z.array(z.string()).max(10_000).optional(),
    /** every host that is not managed and was not set aside */
    unknown: z.boolean().optional(),
    tag: z.object({ key: z.string(), value: z.string() }).optional(),
    /** try only these, in this order; default: keys, and of passwords those that are bound to where the host is */
    credentials: z.array(z.string()).min(1).optional(),
    /** also hosts that have an agent: install again, with a new identity and today's approver keys */
    force: z.boolean().default(false),
    /** the machines were rebuilt on purpose: forget the pinned SSH host keys first */
    acceptHostKey: z.boolean().default(false),
    /** install nothing: look after these hosts over SSH from now on */
    agentless: z.boolean().default(false),
  })
  .strict();
export type DeploymentInput = z.infer<typeof DeploymentInput>;

/** A new program for agents, in waves: the next one begins when all of the one before report with it. */
export const AgentUpdate = z.object({
  id: z.string(),
  /** `stopped`: one host failed, and no other gets it */
  state: z.enum(['awaiting-approval', 'running', 'done', 'stopped', 'cancelled']),
  version: z.string(),
  /** digest of the program, as `npm run build:agent` prints it */
  program: Sha256,
  /** what approvers sign: canonical text, and its digest */
  release: z.string(),
  digest: Sha256,
  author: z.string(),
  authorName: z.string(),
  approvalsRequired: z.number().int(),
  approvals: z.array(z.object({ person: z.string(), name: z.string(), at: Instant })),
  why: z.string().nullable(),
  createdAt: Instant,
  finishedAt: Instant.nullable(),
  hosts: z.array(
    z.object({
      hostId: z.string(),
      hostName: z.string(),
      agentId: z.string(),
      /** 0 is one host alone */
      wave: z.number().int(),
      state: z.enum(['waiting', 'offered', 'done', 'failed']),
      why: z.string().nullable(),
    }),
  ),
});
export type AgentUpdate = z.infer<typeof AgentUpdate>;

export const AgentUpdateInput = z
  .object({
    hostIds: z.array(z.string()).max(10_000).optional(),
    all: z.boolean().optional(),
    tag: z.object({ key: z.string(), value: z.string() }).optional(),
    /** hosts at a time, after the first one */
    wave: z.number().int().min(1).max(1000).default(10),
  })
  .strict();
export type AgentUpdateInput = z.infer<typeof AgentUpdateInput>;
