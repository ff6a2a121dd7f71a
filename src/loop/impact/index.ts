import type { Dependency, Impact } from '../../model/impact.ts';
import type { Exception } from '../../model/finding.ts';
import type { Task } from '../../model/plan.ts';
import type { Module } from '../../platform/context.ts';

export interface ImpactFace extends Module {
  dependencies(filter?: { hostId?: string }): Promise<Dependency[]>;
  /** Blast radius of these tasks as the estate is now. */
  predict(tasks: Task[]): Promise<Impact>;
  exceptions(filter?: { active?: boolean }): Promise<Exception[]>;
}
