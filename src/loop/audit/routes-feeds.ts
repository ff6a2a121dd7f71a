import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { Feed, FeedInput, FeedKind } from '../../model/feed.ts';
import type { Platform } from '../../platform/context.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { FEEDS } from './feeds/registry.ts';
import { feedRows, toFeed } from './store-feeds.ts';
import { addFeed, importFeed, mustFindFeed, removeFeed } from './take-feed.ts';

const Name = z.object({ name: z.string().min(1).max(60) }).strict();
/** Bytes of a file that is handed over, packed as it is published. */
const LARGEST_FILE = 192 * 1024 * 1024;
const BASE64 = 4 / 3;

const Kind = z.object({
  kind: FeedKind,
  title: z.string(),
  needs: z.record(z.string(), z.string()),
  covers: z.enum(['all', 'fixed-only']),
});

export function feedRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'GET',
      path: '/feed-kinds',
      id: 'listFeedKinds',
      summary: 'What kinds of feeds of advisories can be read, and what each asks for',
      access: MAY.read,
      reply: z.object({ items: z.array(Kind) }),
      handler: async () => ({
        items: Object.values(FEEDS).map(({ info: { kind, title, needs, covers } }) => ({ kind, title, needs, covers })),
      }),
    }),
    route({
      method: 'GET',
      path: '/feeds',
      id: 'listFeeds',
      summary: 'Feeds of advisories, what is in force of each, and how the last try went',
      access: MAY.read,
      reply: z.object({ items: z.array(Feed) }),
      handler: async () => ({ items: (await feedRows(platform.db)).map(toFeed) }),
    }),
    ...changes(platform),
  ];
}

function changes(platform: Platform): Route[] {
  return [
    route({
      method: 'POST',
      path: '/feeds',
      id: 'addFeed',
      summary: 'One more feed of advisories',
      access: MAY.operate,
      body: FeedInput,
      reply: Feed,
      status: 201,
      handler: ({ body, actor }) => addFeed(platform, actor, body),
    }),
    route({
      method: 'DELETE',
      path: '/feeds/:name',
      id: 'removeFeed',
      summary: 'Ask it no more, and forget what it said',
      access: MAY.operate,
      params: Name,
      reply: z.object({}),
      handler: async ({ params, actor }) => {
        await removeFeed(platform, actor, params.name);
        return {};
      },
    }),
    route({
      method: 'POST',
      path: '/feeds/:name/sync',
      id: 'syncFeed',
      summary: 'Fetch it now',
      access: MAY.operate,
      params: Name,
      reply: Feed,
      status: 202,
      handler: async ({ params }) => {
        const row = await mustFindFeed(platform, params.name);
        await platform.queue.enqueue('audit.feed', { feed: row.name }, { singletonKey: row.name });
        return toFeed(row);
      },
    }),
    importRoute(platform),
  ];
}

const importRoute = (platform: Platform): Route =>
  route({
    method: 'POST',
    path: '/feeds/:name/import',
    id: 'importFeed',
    summary: 'Hand over the feed’s file, where it cannot be fetched',
    access: MAY.operate,
    params: Name,
    body: z
      .object({
        /** the file as it is published, in base64 */
        file: z
          .string()
          .regex(/^[A-Za-z0-9+/]*={0,2}$/)
          .max(LARGEST_FILE * BASE64 + 4),
        /** somebody has looked into why it lost more than a fifth or is older */
        shrunk: z.boolean().default(false),
      })
      .strict(),
    bodyLimit: LARGEST_FILE * BASE64 + 4096,
    reply: Feed,
    handler: ({ params, body: { file, shrunk }, actor }) =>
      importFeed(platform, actor, params.name, { bytes: Buffer.from(file, 'base64'), shrunk }),
  });
