import { MAY } from '../../model/actor.ts';
import { Deployment } from '../../model/deployment.ts';
import type { Platform } from '../../platform/context.ts';
import { route, type Route } from '../../platform/http/route.ts';
import type { Discovery } from '../discovery/index.ts';
import { deployList, ListInput, ListReply } from './onboard.ts';
import { deployOnce, OnceInput } from './once.ts';

export function onceRoutes(platform: Platform, discovery: Discovery): Route[] {
  return [
    route({
      method: 'POST',
      path: '/deployments/once',
      id: 'deployOnce',
      summary: 'Install the agent with a login that is erased when this deployment has ended',
      access: MAY.operate,
      body: OnceInput,
      reply: Deployment,
      status: 201,
      handler: ({ actor, body }) => deployOnce(platform, discovery, actor, body),
    }),
    route({
      method: 'POST',
      path: '/deployments/list',
      id: 'deployList',
      summary: 'Take hosts from a list and install the agent on them; with one bad row nothing is done',
      access: MAY.operate,
      body: ListInput,
      reply: ListReply,
      status: 201,
      bodyLimit: 4 * 1024 * 1024,
      handler: ({ actor, body }) => deployList(platform, discovery, actor, body),
    }),
  ];
}
