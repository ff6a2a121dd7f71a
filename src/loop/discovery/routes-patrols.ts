import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import { Scope } from '../../model/estate.ts';
import { Patrol, PatrolBlock, PatrolReply, PatrolReport } from '../../model/patrol.ts';
import type { Platform } from '../../platform/context.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { takeReport } from './patrol-report.ts';
import { blocksIn } from './patrols.ts';
import type { Ageing } from './results.ts';
import { findPatrols } from './store-patrols.ts';
import { findReach, findScope } from './store-scans.ts';

/** Results of 32 addresses. */
const REPORT_LIMIT = 8 * 1024 * 1024;

export function patrolRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'GET',
      path: '/patrols',
      id: 'listPatrols',
      summary: 'Agents that looked around in their own subnets, latest first',
      access: MAY.read,
      reply: z.object({ items: z.array(Patrol) }),
      handler: async () => ({ items: await findPatrols(platform.db) }),
    }),
    route({
      method: 'GET',
      path: '/scopes/:id',
      id: 'getScope',
      summary: 'One scope (by id or name), and which agents look around where in it',
      access: MAY.read,
      params: z.object({ id: z.string() }),
      reply: z.object({ scope: Scope, blocks: z.array(PatrolBlock) }),
      handler: async ({ params }) => {
        const scope = await findScope(platform.db, params.id);
        if (!scope) throw new AppError('NOT_FOUND', { what: 'scope', id: params.id, list: 'scope list' });
        const scopes = await findReach(platform.db);
        const reach = scopes.find(({ id }) => id === scope.id) ?? scope;
        return { scope, blocks: await blocksIn(platform, reach, scopes) };
      },
    }),
  ];
}

/** The agents' side, on the mutual-TLS listener. */
export function patrolAgentRoutes(platform: Platform, ageing: Ageing): Route[] {
  return [
    route({
      method: 'POST',
      path: '/patrol',
      id: 'agentPatrol',
      summary: 'An agent tells what it saw in its own subnet, and hears what it may still look at',
      access: 'agent',
      body: PatrolReport,
      reply: PatrolReply,
      bodyLimit: REPORT_LIMIT,
      handler: ({ agent, body }) => takeReport(platform, ageing, agent!, body),
    }),
  ];
}
