import type { z } from 'zod';
import type { Actor, Role } from '../../model/actor.ts';

/** Who may call: a role set from MAY, `public` (sign-in, health), or on the agent listener `agent` / `scanner` / `enroll`. */
export type Access = readonly Role[] | 'public' | 'agent' | 'scanner' | 'enroll';

export interface AgentIdentity {
  agentId: string;
  hostId: string;
}

/** A scanner at a remote site. */
export interface ScannerIdentity {
  scannerId: string;
  site: string;
}

export interface RouteRequest<P, Q, B> {
  params: P;
  query: Q;
  body: B;
  actor: Actor;
  /** set on the agent listener with a valid client certificate */
  agent: AgentIdentity | null;
  /** set on the agent listener with a valid certificate of a scanner */
  scanner?: ScannerIdentity | null;
  ip: string;
  /** cookies of the request; only sign-out needs them */
  cookies?: Record<string, string | undefined>;
  /** aborted when the client goes away: long polls end */
  signal: AbortSignal;
  /** asks again, later on: may this client still call this route? Long streams do. */
  still?: () => Promise<boolean>;
}

/** A reply that is not JSON (documents, event streams, checkpoint text). */
export interface RawReply {
  contentType: string;
  body: string | Uint8Array | AsyncIterable<string | Uint8Array>;
  headers?: Record<string, string>;
}

export interface RouteSpec<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType> {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** below /api/v1 (or /agent/v1), with :params */
  path: string;
  /** operationId: the name of the generated client's function */
  id: string;
  summary: string;
  access: Access;
  params?: P;
  query?: Q;
  body?: B;
  /** schema of the JSON reply; leave out with `raw: true` */
  reply?: R;
  raw?: boolean;
  /** at most so many calls a minute from one address */
  limit?: number;
  /** largest body in bytes, where the listener's default does not do */
  bodyLimit?: number;
  status?: number;
  /** on the agent listener: also for who shows a certificate that ended at most so many days ago */
  lapsedDays?: number;
  handler(request: RouteRequest<z.infer<P>, z.infer<Q>, z.infer<B>>): Promise<z.input<R> | RawReply>;
}

export type Route = RouteSpec<z.ZodType, z.ZodType, z.ZodType, z.ZodType>;

/** Identity function that infers the handler's types from the schemas. */
export function route<
  P extends z.ZodType = z.ZodUndefined,
  Q extends z.ZodType = z.ZodUndefined,
  B extends z.ZodType = z.ZodUndefined,
  R extends z.ZodType = z.ZodAny,
>(spec: RouteSpec<P, Q, B, R>): Route {
  return spec as unknown as Route;
}
