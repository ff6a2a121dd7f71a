import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { ProgramReply } from '../../model/agent.ts';
import { AgentUpdate, AgentUpdateInput, AgentUpdateSummary } from '../../model/enrollment.ts';
import { AppError } from '../../model/errors/index.ts';
import { Sha256 } from '../../model/json.ts';
import { Approval } from '../../model/plan.ts';
import type { Platform } from '../../platform/context.ts';
import { route, type Route } from '../../platform/http/route.ts';
import type { Discovery } from '../discovery/index.ts';
import { listUpdates, programFor } from './store-update.ts';
import { approveUpdate, cancelUpdate, createUpdate, mustFindUpdate } from './updates.ts';

const Id = z.object({ id: z.string() });

export function updateRoutes(platform: Platform, discovery: Discovery): Route[] {
  return [
    route({
      method: 'POST',
      path: '/agent-updates',
      id: 'createAgentUpdate',
      summary: 'Ask for the program of this server on agents, in waves; it waits for approvers',
      access: MAY.operate,
      body: AgentUpdateInput,
      reply: AgentUpdate,
      status: 201,
      handler: ({ actor, body }) => createUpdate(platform, discovery, actor, body),
    }),
    route({
      method: 'GET',
      path: '/agent-updates',
      id: 'listAgentUpdates',
      summary: 'Updates of agents, newest first',
      access: MAY.read,
      reply: z.object({ items: z.array(AgentUpdateSummary) }),
      handler: async () => ({ items: await listUpdates(platform.db) }),
    }),
    route({
      method: 'GET',
      path: '/agent-updates/:id',
      id: 'getAgentUpdate',
      summary: 'One update with the state and reason of each host',
      access: MAY.read,
      params: Id,
      reply: AgentUpdate,
      handler: ({ params }) => mustFindUpdate(platform, params.id),
    }),
    route({
      method: 'POST',
      path: '/agent-updates/:id/approve',
      id: 'approveAgentUpdate',
      summary: 'Approve an update by a signature over the digest of its release',
      access: MAY.approve,
      params: Id,
      body: Approval,
      reply: AgentUpdate,
      handler: ({ actor, params, body }) => approveUpdate(platform, actor, params.id, body),
    }),
    route({
      method: 'POST',
      path: '/agent-updates/:id/cancel',
      id: 'cancelAgentUpdate',
      summary: 'Give this program to no further host',
      access: MAY.operate,
      params: Id,
      reply: AgentUpdate,
      handler: ({ actor, params }) => cancelUpdate(platform, actor, params.id),
    }),
  ];
}

export const programRoute = (platform: Platform): Route =>
  route({
    method: 'GET',
    path: '/program/:digest',
    id: 'agentProgram',
    summary: 'The program that this agent is offered',
    access: 'agent',
    params: z.object({ digest: Sha256 }),
    reply: ProgramReply,
    handler: async ({ agent, params }) => {
      const packed = await programFor(platform.db, agent!.agentId, params.digest);
      if (packed === null)
        throw new AppError('NOT_FOUND', { what: 'program', id: params.digest, list: 'agent updates' });
      return { program: packed.toString('base64') };
    },
  });
