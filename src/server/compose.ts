import { createAudit } from '../loop/audit/index.ts';
import { type ChangeFace, createChange } from '../loop/change/index.ts';
import { createDiscovery } from '../loop/discovery/index.ts';
import { createEnrollment, type Enrollment } from '../loop/enrollment/index.ts';
import { createImpact, type ImpactFace } from '../loop/impact/index.ts';
import { createTrail, type Trail } from '../loop/trail/index.ts';
import { createAuth, type Auth } from '../platform/auth/index.ts';
import type { JobHandlers, Module, Platform } from '../platform/context.ts';
import type { Route } from '../platform/http/route.ts';

/** The loop, wired: the only place that sees every folder. Each gets exactly what stands left of it. */
export interface Composition {
  auth: Auth;
  enrollment: Enrollment;
  trail: Trail;
  routes: Route[];
  agentRoutes: Route[];
  jobs: JobHandlers;
  schedules: Module['schedules'];
}

export function compose(platform: Platform): Composition {
  const auth = createAuth(platform);
  const trail = createTrail(platform);
  const discovery = createDiscovery(platform);
  const enrollment = createEnrollment(platform, discovery, () => trail.verifierKey());
  const audit = createAudit(platform, discovery, {
    agentless: enrollment,
    plannedUpgrades: (hostIds): ReturnType<ChangeFace['plannedUpgrades']> => change.plannedUpgrades(hostIds),
    exceptionEnds: (ids): ReturnType<ImpactFace['exceptionEnds']> => impact.exceptionEnds(ids),
  });
  const impact = createImpact(platform, discovery, audit);
  const change = createChange(platform, { discovery, enrollment, audit, impact, history: trail.history });
  const modules: Module[] = [discovery, enrollment, audit, impact, change, trail];
  return {
    auth,
    enrollment,
    trail,
    routes: modules.flatMap((module) => module.routes),
    agentRoutes: modules.flatMap((module) => module.agentRoutes),
    jobs: Object.assign({}, ...modules.map((module) => module.jobs)) as JobHandlers,
    schedules: modules.flatMap((module) => module.schedules),
  };
}
