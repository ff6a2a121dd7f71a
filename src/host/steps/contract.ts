import type { HostStepKind, StepOf } from '../../model/kit.ts';
import type { Task } from '../../model/plan.ts';
import type { Login } from '../access/permits.ts';
import type { Host } from '../host.ts';

/** What was seen or changed, as it goes into the outcome. Never a secret: hashes and public halves only. */
export type Seen = Record<string, unknown>;

/** What a step will change, found out without changing it. */
export interface Effects {
  packages: { name: string; from: string | null; to: string }[];
  files: { path: string; change: string }[];
  restarts: string[];
}
export const NO_EFFECTS: Effects = { packages: [], files: [], restarts: [] };

export interface Inspection {
  /** the host as it is; enough to undo the step later */
  before: Seen;
  effects: Effects;
  /** set when the host is already as the step wants it: nothing is left to do, and this is what there is */
  already?: Seen;
}

export interface StepContext {
  /** what server steps produced for this one */
  inputs: { certificateChain?: string | undefined };
  /** the whole task, for steps that look at what another step of it was told */
  task: Pick<Task, 'steps'>;
  /** `before` of an earlier try of this very step that was cut off (power, kill); null on the first try */
  resumed: Seen | null;
  /** steps of the task before this one that may have changed the host, in their order, with their first `before` */
  earlier: readonly Earlier[];
  /** by which login Lastember reaches this host, where that is known: no step may lock it out */
  login: Login | null;
  /** tries that login afresh, where somebody can (over SSH); rejects when it does not work */
  logIn?(): Promise<void>;
  /** in seconds: until the timer puts sshd's old settings back; until all units run after a boot. Tests are in a hurry */
  waits?: { guard?: number; units?: number };
  /** the one who carries the step out is to end: a step that only waits gives up, and is brought to its end later */
  stopping?(): boolean;
  now(): Date;
}

export interface Earlier {
  step: StepOf<HostStepKind>;
  before: Seen;
}

/**
 * One kind of step. `inspect` changes nothing. `apply` may be called again after it was cut off anywhere and must then
 * end in the same state. `undo` gets the `before` of the first `inspect`.
 */
export interface HostStep<K extends HostStepKind = HostStepKind> {
  readonly kind: K;
  inspect(host: Host, step: StepOf<K>, context: StepContext): Promise<Inspection>;
  apply(host: Host, step: StepOf<K>, before: Seen, context: StepContext): Promise<Seen>;
  undo(host: Host, step: StepOf<K>, before: Seen, context: StepContext): Promise<Seen>;
  /** Removes what only an undo would have needed, once nothing can be undone any more. */
  settle?(host: Host, before: Seen): Promise<void>;
}
