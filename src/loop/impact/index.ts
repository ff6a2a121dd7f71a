import type { Exception } from '../../model/finding.ts';
import type { Dependency, Impact } from '../../model/impact.ts';
import type { StepOutcome, Task } from '../../model/plan.ts';
import type { Module, Platform } from '../../platform/context.ts';
import type { Audit } from '../audit/index.ts';
import type { Discovery } from '../discovery/index.ts';
import { learnConnections, listDependencies } from './connections.ts';
import { sweepExceptions } from './exceptions.ts';
import { differences, observedImpact } from './logic/observed.ts';
import { predictTasks } from './predict.ts';
import { impactRoutes } from './routes.ts';
import { exceptionEnds, exceptionRows } from './store.ts';

export interface ImpactFace extends Module {
  dependencies(filter?: { hostId?: string }): Promise<Dependency[]>;
  /** Blast radius of these tasks as the estate is now. */
  predict(tasks: Task[]): Promise<Impact>;
  /** What the outcomes say really happened, in the shape of the prediction. */
  observed(tasks: Task[], outcomes: StepOutcome[], predicted: Impact): Impact;
  /** Where reality was not what was predicted, in words; empty when it was. */
  differences(predicted: Impact, observed: Impact): string[];
  exceptions(filter?: { active?: boolean }): Promise<Exception[]>;
  /** until when each of these stands */
  exceptionEnds(ids: readonly string[]): Promise<Map<string, string>>;
}

export function createImpact(platform: Platform, discovery: Discovery, audit: Audit): ImpactFace {
  const sources = { platform, discovery, audit };
  return {
    dependencies: (filter) => listDependencies(platform, discovery, filter?.hostId),
    predict: (tasks) => predictTasks(sources, tasks),
    observed: observedImpact,
    differences,
    exceptions: (filter) => exceptionRows(platform.db, filter),
    exceptionEnds: (ids) => exceptionEnds(platform.db, ids),
    routes: impactRoutes(sources),
    agentRoutes: [],
    jobs: {
      'impact.connections': ({ hostId }) => learnConnections(platform, discovery, audit, hostId),
      'impact.expire': () => sweepExceptions(platform, discovery, audit),
    },
    schedules: [{ job: 'impact.expire', cron: '* * * * *' }],
  };
}
