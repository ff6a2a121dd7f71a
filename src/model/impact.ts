import * as z from 'zod';
import { Instant } from './json.ts';

/** Client host's process holds or held connections to the service behind host:port. */
export const Dependency = z.object({
  id: z.string(),
  clientHostId: z.string(),
  clientName: z.string(),
  clientUnit: z.string().nullable(),
  serverHostId: z.string(),
  serverName: z.string(),
  serverUnit: z.string().nullable(),
  address: z.string(),
  port: z.number().int(),
  /** connections open at the last look */
  connections: z.number().int(),
  firstSeen: Instant,
  lastSeen: Instant,
});
export type Dependency = z.infer<typeof Dependency>;

export const RestartImpact = z.object({
  hostId: z.string(),
  hostName: z.string(),
  service: z.string(),
  reason: z.string(),
  /** who is connected right now, with how many connections */
  clients: z.array(
    z.object({
      hostId: z.string(),
      hostName: z.string(),
      unit: z.string().nullable(),
      connections: z.number().int(),
      /** hops from the restarted service; 1 = direct */ distance: z.number().int(),
    }),
  ),
  /** other hosts that the same clients use on the same port: they may carry on there */
  alternatives: z.array(z.object({ hostId: z.string(), hostName: z.string() })).optional(),
});
export type RestartImpact = z.infer<typeof RestartImpact>;

/** Predicted blast radius of a plan, or of findings before there is a plan. */
export const Impact = z.object({
  hosts: z.array(z.string()),
  packages: z.array(z.object({ hostId: z.string(), name: z.string(), from: z.string(), to: z.string() })),
  files: z.array(z.object({ hostId: z.string(), path: z.string(), change: z.string() })),
  restarts: z.array(RestartImpact),
  /** distinct hosts that feel it: restarted hosts and everyone who depends on them, transitively */
  affectedHosts: z.array(z.object({ hostId: z.string(), hostName: z.string(), distance: z.number().int() })),
  summary: z.string(),
});
export type Impact = z.infer<typeof Impact>;
