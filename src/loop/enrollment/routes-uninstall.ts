import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import type { Platform } from '../../platform/context.ts';
import { route, type Route } from '../../platform/http/route.ts';
import type { Discovery } from '../discovery/index.ts';
import { uninstallFrom } from './uninstall.ts';

export function uninstallRoutes(platform: Platform, discovery: Discovery): Route[] {
  return [
    route({
      method: 'POST',
      path: '/hosts/:id/uninstall',
      id: 'uninstallAgent',
      summary: 'Take the agent off this host over SSH; answers when nothing of it is left',
      access: MAY.operate,
      params: z.object({ id: z.string() }),
      body: z
        .object({
          reason: z.string().min(3).max(300),
          /** try only these logins, in this order */
          credentials: z.array(z.string()).min(1).max(50).optional(),
        })
        .strict(),
      reply: z.object({
        credential: z.string(),
        /** the agent itself said goodbye */
        told: z.boolean(),
      }),
      handler: ({ actor, params, body }) => uninstallFrom(platform, discovery, actor, params.id, body),
    }),
  ];
}
