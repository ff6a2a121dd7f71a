import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { SourceStats } from '../../model/estate.ts';
import { NotLooked, Source, SourceInput, SourceKindInfo, Space } from '../../model/source.ts';
import type { Platform } from '../../platform/context.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { notLooked } from './not-looked.ts';
import { pushSource } from './push-source.ts';
import { addressSpace } from './space.ts';
import { addSource, askSource, listSources, mustFindSource, removeSource } from './sources.ts';
import { sourceKinds } from './sources/registry.ts';
import { sourceStats } from './store-hosts.ts';
import { toSource } from './store-sources.ts';

/** By id or name. */
const Id = z.object({ id: z.string() });
/** Lease files of large networks are long. */
const LONGEST_PUSH = 20_000_000;

export function sourceRoutes(platform: Platform): Route[] {
  return [...readSources(platform), ...changeSources(platform)];
}

function readSources(platform: Platform): Route[] {
  return [
    route({
      method: 'GET',
      path: '/sources',
      id: 'listSources',
      summary: 'Clouds, leases, zones and lists that are asked about machines, and how that went',
      access: MAY.read,
      reply: z.object({ items: z.array(Source) }),
      handler: async () => ({ items: await listSources(platform) }),
    }),
    route({
      method: 'GET',
      path: '/sources/:id',
      id: 'getSource',
      summary: 'One source (by id or name)',
      access: MAY.read,
      params: Id,
      reply: Source,
      handler: async ({ params }) => toSource(await mustFindSource(platform, params.id), platform.now()),
    }),
    route({
      method: 'GET',
      path: '/source-kinds',
      id: 'listSourceKinds',
      summary: 'What can be a source, and what each needs',
      access: MAY.read,
      reply: z.object({ items: z.array(SourceKindInfo) }),
      handler: async () => ({ items: sourceKinds() }),
    }),
    route({
      method: 'GET',
      path: '/address-space',
      id: 'getAddressSpace',
      summary: 'Which address space was seen by which source how recently, and where nobody looks',
      access: MAY.read,
      reply: Space,
      handler: () => addressSpace(platform),
    }),
    route({
      method: 'GET',
      path: '/not-looked-at',
      id: 'listNotLooked',
      summary: 'What we failed to look at, and why: unknown is not clean',
      access: MAY.read,
      reply: z.object({ items: z.array(NotLooked) }),
      handler: async () => ({ items: await notLooked(platform) }),
    }),
    route({
      method: 'GET',
      path: '/source-stats',
      id: 'listSourceStats',
      summary: 'What each kind of source contributes, and what only it has seen',
      access: MAY.read,
      reply: z.object({ items: z.array(SourceStats) }),
      handler: async () => ({ items: await sourceStats(platform.db) }),
    }),
  ];
}

function changeSources(platform: Platform): Route[] {
  return [
    route({
      method: 'POST',
      path: '/sources',
      id: 'addSource',
      summary: 'Ask one more system about machines; its secrets are never shown again',
      access: MAY.operate,
      body: SourceInput,
      reply: Source,
      status: 201,
      handler: ({ body, actor }) => addSource(platform, actor, body),
    }),
    route({
      method: 'DELETE',
      path: '/sources/:id',
      id: 'removeSource',
      summary: 'Ask it no more; what it told stays',
      access: MAY.operate,
      params: Id,
      reply: z.object({}),
      handler: async ({ params, actor }) => {
        await removeSource(platform, actor, params.id);
        return {};
      },
    }),
    route({
      method: 'POST',
      path: '/sources/:id/read',
      id: 'readSource',
      summary: 'Ask it now',
      access: MAY.operate,
      params: Id,
      reply: Source,
      status: 202,
      handler: ({ params }) => askSource(platform, params.id),
    }),
    route({
      method: 'POST',
      path: '/sources/:id/push',
      id: 'pushSource',
      summary:
        'Hand over the file of a source that is pushed; it is read afterwards, and the source says how that went',
      access: MAY.operate,
      params: Id,
      body: z.object({ text: z.string().max(LONGEST_PUSH) }).strict(),
      bodyLimit: 2 * LONGEST_PUSH,
      reply: Source,
      status: 202,
      handler: ({ params, body, actor }) => pushSource(platform, actor, params.id, body.text),
    }),
  ];
}
