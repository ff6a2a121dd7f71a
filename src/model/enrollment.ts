import * as z from 'zod';
import { Tags } from './estate.ts';
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
  z
    .object({
      kind: z.literal('ssh-agent'),
      name: z.string().regex(/^[\w.-]{1,60}$/),
      username: z.string().min(1).max(64),
      /** socket of an ssh-agent on the server's machine; its keys are used, and never seen */
      socket: z.string().startsWith('/').max(100),
      ...Common,
    })
    .strict(),
]);
export type CredentialInput = z.infer<typeof CredentialInput>;
export const Credential = z.object({
  id: z.string(),
  name: z.string(),
  username: z.string(),
  kind: z.enum(['password', 'private-key', 'ssh-agent']),
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

/** A host that is looked after over SSH, without an agent. */
export const Access = z.object({
  hostId: z.string(),
  /** what plans name as the one who carries out; another one each time it is granted */
  id: z.string(),
  /** whose approvals count for changes over SSH; none: it was granted before any could be pinned, grant it anew */
  approverKeyIds: z.array(z.string()),
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
  /** why it is lost or was revoked, in words */
  problem: z.string().nullable(),
});
export type Agent = z.infer<typeof Agent>;

/** A token for agents that are not deployed over SSH: by the one line, by cloud-init, or baked into an image. */
export const EnrollmentTokenInput = z
  .object({
    minutes: z.number().int().min(1).max(525_600).default(60),
    /** how many hosts may use it */
    uses: z.number().int().min(1).max(100_000).default(1),
    /** the address or network that they must call from */
    for: z.string().min(1).max(60).optional(),
    /** given to each of them */
    tags: Tags.default({}),
  })
  .strict();
export type EnrollmentTokenInput = z.infer<typeof EnrollmentTokenInput>;
export const EnrollmentToken = z.object({
  id: z.string(),
  state: z.enum(['good', 'used', 'expired', 'revoked']),
  expiresAt: Instant,
  uses: z.number().int(),
  used: z.number().int(),
  for: z.string().nullable(),
  tags: Tags,
  /** a scanner of this site enrols with it; null: agents */
  site: z.string().nullable(),
  createdAt: Instant,
  createdBy: z.string(),
});
export type EnrollmentToken = z.infer<typeof EnrollmentToken>;
/** Shown once. */
export const NewEnrollmentToken = EnrollmentToken.extend({
  token: z.string(),
  server: z.string(),
  /** to be pasted into a root shell of the host */
  line: z.string(),
  /** user data for machines that are made with cloud-init */
  cloudInit: z.string(),
  /** /etc/lastember/agent.json with this token */
  config: z.string(),
});
export type NewEnrollmentToken = z.infer<typeof NewEnrollmentToken>;

/** A new program for agents, in waves: the next one begins when all of the one before report with it. */
/** An update of agents, without its hosts. */
export const AgentUpdateSummary = z.object({
  id: z.string(),
  /** `stopped`: one host failed, and no other gets it */
  state: z.enum(['awaiting-approval', 'running', 'done', 'stopped', 'cancelled']),
  version: z.string(),
  /** digest of the program, as `npm run build:agent` prints it */
  program: Sha256,
  /** of what approvers sign */
  digest: Sha256,
  author: z.string(),
  authorName: z.string(),
  approvalsRequired: z.number().int(),
  approvals: z.array(z.object({ person: z.string(), name: z.string(), keyId: z.string(), at: Instant })),
  why: z.string().nullable(),
  createdAt: Instant,
  finishedAt: Instant.nullable(),
  /** hosts by state */
  counts: z.object({
    waiting: z.number().int(),
    offered: z.number().int(),
    away: z.number().int(),
    done: z.number().int(),
    failed: z.number().int(),
    superseded: z.number().int(),
  }),
});
export type AgentUpdateSummary = z.infer<typeof AgentUpdateSummary>;
export const hostsOfUpdate = ({ counts }: Pick<AgentUpdateSummary, 'counts'>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

export const AgentUpdate = AgentUpdateSummary.extend({
  /** what approvers sign: canonical text */
  release: z.string(),
  hosts: z.array(
    z.object({
      hostId: z.string(),
      hostName: z.string(),
      agentId: z.string(),
      /** 0 is one host alone */
      wave: z.number().int(),
      /**
       * `away`: it has not asked since it was offered the program, holds up nobody, and gets it when it comes;
       * `superseded`: another update came for it
       */
      state: z.enum(['waiting', 'offered', 'away', 'done', 'failed', 'superseded']),
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
