import type { StepKind, StepOf } from '../../../model/kit.ts';
import type { Plan, StepOutcome, Task } from '../../../model/plan.ts';
import type { Tx } from '../../../platform/context.ts';
import type { Deps } from '../deps.ts';
import type { ChangeRow } from '../store.ts';

export interface StepSite {
  deps: Deps;
  change: ChangeRow;
  plan: Plan;
  task: Task;
  index: number;
  /** the task's outcomes so far */
  outcomes: readonly StepOutcome[];
  /** when it was first tried, by whomever */
  beganAt: Date;
  /** 1 at the first try; more after a crash or a wait */
  attempts: number;
}

export type Result =
  | {
      kind: 'done' | 'failed';
      changed: boolean;
      before: Record<string, unknown>;
      after: Record<string, unknown>;
      error?: string;
      /** written in the transaction that stores the outcome */
      keep?: (tx: Tx) => Promise<void>;
    }
  /** not yet, and why: tried again soon */
  | { kind: 'wait'; why: string };

/** Before each look from outside, while something may still be on its way: a service that restarts needs a moment. */
export const PAUSES_MS = [0, 400, 600, 900, 1300, 2000] as const;

/** One kind of server step. Repeating it after a crash must do no harm. */
export interface ServerStep<K extends StepKind> {
  run(step: StepOf<K>, site: StepSite): Promise<Result>;
}

export const failed = (error: string, after: Record<string, unknown> = {}): Result => ({
  kind: 'failed',
  changed: false,
  before: {},
  after,
  error,
});
