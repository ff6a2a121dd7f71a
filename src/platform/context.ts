import type { Kysely, Transaction } from 'kysely';
import type { Logger } from 'pino';
import type { Actor } from '../model/actor.ts';
import type { JobName, Jobs } from '../model/jobs.ts';
import type { Json } from '../model/json.ts';
import type { ApproverKey } from '../model/plan.ts';
import type { Subject } from '../model/trail.ts';
import type { Config } from './config/index.ts';
import type { Route } from './http/route.ts';

/** No tables of its own: a store adds its folder's with `db.withTables<Tables>()`. */
export type NoTables = Record<never, never>;
export type Db = Kysely<NoTables>;
export type DbOrTx = Kysely<NoTables> | Transaction<NoTables>;

/** What an entry says before it gets its id, time and actor. `fn` inside `act` may still fill `detail` and `related`. */
export interface EntryDraft {
  type: string;
  subject: Subject;
  related?: Subject[];
  reason?: string;
  detail?: Json;
}

export interface EnqueueOptions {
  startAfterSeconds?: number;
  /** at most one waiting job of this name with this key */
  singletonKey?: string;
}

/** One transaction: changes, trail entries and follow-up jobs commit together or not at all. */
export interface Tx {
  db: Transaction<NoTables>;
  actor: Actor;
  now: Date;
  /** Appends a (further) entry to the ledger in this transaction; returns its id. */
  record(entry: EntryDraft): Promise<string>;
  /** Many, in their order, in a few statements. */
  recordAll(entries: readonly EntryDraft[]): Promise<string[]>;
  enqueue<N extends JobName>(name: N, payload: Jobs[N], options?: EnqueueOptions): Promise<void>;
  /** Tells listeners after commit (console live updates, long polls). Payload: ids only. */
  publish(topic: Topic, payload: Record<string, string>): Promise<void>;
}

export type Topic =
  | 'hosts'
  | 'scans'
  | 'agents'
  | 'findings'
  | 'changes'
  | 'campaigns'
  | 'trail'
  | 'documents'
  | 'tasks'
  | 'facts';

export interface Queue {
  enqueue<N extends JobName>(name: N, payload: Jobs[N], options?: EnqueueOptions): Promise<void>;
}

export interface Events {
  /** PostgreSQL NOTIFY, so that every server replica hears it. */
  publish(topic: Topic, payload: Record<string, string>): Promise<void>;
  /** Returns the unsubscribe function. */
  subscribe(
    topic: Topic | '*',
    listener: (event: { topic: Topic; payload: Record<string, string> }) => void,
  ): () => void;
}

/** AES-256-GCM at rest. Secrets can be used, never listed or read back through the API. */
export interface Vault {
  put(tx: Tx, secret: string): Promise<string>;
  use<T>(id: string, fn: (secret: string) => Promise<T>): Promise<T>;
  remove(tx: Tx, id: string): Promise<void>;
}

export interface Platform {
  db: Db;
  config: Config;
  log: Logger;
  queue: Queue;
  events: Events;
  vault: Vault;
  now(): Date;
  /** aborted when this process is to end: what can be left half-way without harm is left */
  stopping: AbortSignal;
  /** `newId('host')` → "host_" + 26 lower-case characters, sortable by time. */
  newId(prefix: string): string;
  /** A mutation: one transaction, exactly one entry from `entry` (which `fn` may complete) plus any `tx.record`ed. */
  act<T>(actor: Actor, entry: EntryDraft, fn: (tx: Tx, entry: EntryDraft) => Promise<T>): Promise<T>;
  /** Observations (facts, sightings, probe results): one transaction with no entry of its own; protected tables still
   * demand that `fn` records one. */
  observe<T>(actor: Actor, fn: (tx: Tx) => Promise<T>): Promise<T>;
  /** Approvers' public keys that are registered and not revoked: what agents pin at enrollment. */
  approverKeys(): Promise<ApproverKey[]>;
}

export type JobHandlers = { [N in JobName]?: (payload: Jobs[N]) => Promise<void> };

/** What a loop folder gives the composition root. */
export interface Module {
  routes: Route[];
  /** under /agent/v1 on the mutual-TLS listener */
  agentRoutes: Route[];
  jobs: JobHandlers;
  /** timers: the recovery path is the happy path, run again */
  schedules: { job: JobName; cron: string }[];
}
