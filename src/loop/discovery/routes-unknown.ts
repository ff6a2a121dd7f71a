import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { Claim } from '../../model/estate.ts';
import { MomentKind, Timeline } from '../../model/timeline.ts';
import type { Platform } from '../../platform/context.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { timeline } from './timeline.ts';

const TimelineQuery = z
  .object({
    since: z.iso.datetime().optional(),
    until: z.iso.datetime().optional(),
    /** kinds, comma-separated */
    kind: z
      .string()
      .max(300)
      .transform((text) => text.split(','))
      .pipe(z.array(MomentKind))
      .optional(),
    host: z.string().max(100).optional(),
    claim: Claim.optional(),
    /** `next` of the page before */
    before: z.string().max(120).optional(),
    limit: z.coerce.number().int().min(1).max(2000).default(200),
  })
  .strict();

/** What changes in the estate, and who talks to whom in it. */
export function estateRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'GET',
      path: '/timeline',
      id: 'getTimeline',
      summary: 'What appeared, went, came back and changed its identity, newest first, with counts by day',
      access: MAY.read,
      query: TimelineQuery,
      reply: Timeline,
      handler: ({ query: { kind, host, ...rest } }) => timeline(platform, { ...rest, kinds: kind, hostId: host }),
    }),
  ];
}
