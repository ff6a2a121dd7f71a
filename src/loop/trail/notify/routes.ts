import * as z from 'zod';
import { MAY } from '../../../model/actor.ts';
import { Notifier, NotifierInput } from '../../../model/notice.ts';
import type { Platform } from '../../../platform/context.ts';
import { route, type Route } from '../../../platform/http/route.ts';
import { addNotifier, listNotifiers, removeNotifier, testNotifier } from './notifiers.ts';

/** By id or name. */
const Id = z.object({ id: z.string().max(100) });

export function notifierRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'GET',
      path: '/notifiers',
      id: 'listNotifiers',
      summary: 'Who is told of what, and how that went',
      access: MAY.read,
      reply: z.object({ items: z.array(Notifier) }),
      handler: async () => ({ items: await listNotifiers(platform) }),
    }),
    route({
      method: 'POST',
      path: '/notifiers',
      id: 'addNotifier',
      summary: 'Tell a hook, a chat or a mailbox of what happens from now on; its secrets are never shown again',
      access: MAY.admin,
      body: NotifierInput,
      reply: Notifier,
      status: 201,
      handler: ({ body, actor }) => addNotifier(platform, actor, body),
    }),
    route({
      method: 'POST',
      path: '/notifiers/:id/test',
      id: 'testNotifier',
      summary: 'Send a message that says it is a test, now',
      access: MAY.admin,
      limit: 30,
      params: Id,
      reply: Notifier,
      handler: ({ params, actor }) => testNotifier(platform, actor, params.id),
    }),
    route({
      method: 'DELETE',
      path: '/notifiers/:id',
      id: 'removeNotifier',
      summary: 'Tell it nothing any more',
      access: MAY.admin,
      params: Id,
      reply: z.object({}),
      handler: async ({ params, actor }) => {
        await removeNotifier(platform, actor, params.id);
        return {};
      },
    }),
  ];
}
