import * as z from 'zod';
import { Instant } from './json.ts';
import { ProbeResult } from './probe.ts';
import { KnownTls, MOST_KNOWN_TLS } from './tls-depth.ts';

/**
 * A patrol: one agent walks once through the part of its own subnet that a scope lets agents look at. The order comes
 * with the answer to a check-in, the results with POST /agent/v1/patrol.
 */
export const PatrolOrder = z.object({
  id: z.string().max(100),
  /** the directly attached subnet, or the part of it that the agent is in */
  block: z.string().max(50),
  /** of it, what is allowed: `first-last` */
  ranges: z.array(z.string().max(100)).min(1).max(1024),
  ports: z.array(z.number().int().min(1).max(65_535)).min(1).max(64),
  /** new connections per second */
  rate: z.number().int().min(1),
  /** of the order in which addresses are taken */
  seed: z.number().int().nonnegative(),
  /** the first that the server has no results of */
  window: z.number().int().nonnegative(),
  /** of servers that were seen there before */
  known: z.array(KnownTls).max(MOST_KNOWN_TLS).default([]),
  until: Instant,
});
export type PatrolOrder = z.infer<typeof PatrolOrder>;

export const PatrolLook = z.object({
  port: z.number().int().min(1).max(65_535),
  result: ProbeResult.nullable(),
  error: z.string().max(500).nullable(),
});
export type PatrolLook = z.infer<typeof PatrolLook>;

/** Somebody is at this address: it answered ARP, or a port is open. */
export const PatrolSeen = z.object({
  address: z.string().max(50),
  mac: z
    .string()
    .regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)
    .nullable(),
  looks: z.array(PatrolLook).max(64),
});
export type PatrolSeen = z.infer<typeof PatrolSeen>;

/** `window` null: only a sign of life, or how it ended. */
export const PatrolReport = z
  .object({
    id: z.string().max(100),
    window: z.number().int().nonnegative().nullable(),
    seen: z.array(PatrolSeen).max(64),
    ended: z.object({ how: z.enum(['done', 'refused']), why: z.string().max(500).nullable() }).nullable(),
  })
  .strict();
export type PatrolReport = z.infer<typeof PatrolReport>;
/** `ranges`: what is still allowed; empty: stop. */
export const PatrolReply = z.object({ ranges: z.array(z.string().max(100)).max(1024), why: z.string().nullable() });
export type PatrolReply = z.infer<typeof PatrolReply>;

/** `declined`: by the agent; `refused`: by the server, because the report told what was not asked. */
export const PatrolState = z.enum(['ordered', 'running', 'done', 'cancelled', 'declined', 'refused', 'expired']);
export type PatrolState = z.infer<typeof PatrolState>;

export const PatrolCounts = z.object({
  /** that the order covers */
  addresses: z.number().int(),
  /** that it came to, and that were still allowed then */
  asked: z.number().int(),
  answered: z.number().int(),
  open: z.number().int(),
  /** hosts that nobody had seen */
  strangers: z.number().int(),
  /** hosts of which more is known than an agent's word */
  known: z.number().int(),
  /** of those, how many show the agent another identity than the one that is known */
  differ: z.number().int(),
  /** answered by a machine that answers for many addresses, and nothing else there: no hosts (row 1.11) */
  proxied: z.number().int(),
});
export type PatrolCounts = z.infer<typeof PatrolCounts>;

/** A subnet that a scope lets agents look around in, and who does so today. */
export const PatrolBlock = z.object({
  block: z.string(),
  /** agents that are in it and report */
  agents: z.number().int(),
  elected: z.array(z.object({ agentId: z.string(), hostId: z.string(), hostName: z.string() })),
  lastAt: Instant.nullable(),
});
export type PatrolBlock = z.infer<typeof PatrolBlock>;

export const Patrol = z.object({
  id: z.string(),
  scopeId: z.string().nullable(),
  scope: z.string(),
  agentId: z.string(),
  hostId: z.string(),
  hostName: z.string(),
  /** a subnet; at another site with that: `10.0.0.0/24@berlin` */
  block: z.string(),
  ranges: z.array(z.string()),
  state: PatrolState,
  /** why this agent, in words */
  why: z.string(),
  counts: PatrolCounts,
  orderedAt: Instant,
  startedAt: Instant.nullable(),
  finishedAt: Instant.nullable(),
  error: z.string().nullable(),
});
export type Patrol = z.infer<typeof Patrol>;
