import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import { Exposure, FindingNow, FindingState } from '../../model/finding.ts';
import { LikelySource } from '../../model/likely-source.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { refuseUnknown } from './affected.ts';
import type { Audit } from './face.ts';
import { asOfNow } from './finding-clocks.ts';
import type { Judge } from './judge-host.ts';
import { findingPage } from './list-findings.ts';
import { likelySource } from './likely-source.ts';

type Face = Pick<Audit, 'kits' | 'findings' | 'exposures'>;
const Id = z.object({ id: z.string().min(1).max(100) }).strict();
const YesNo = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .optional();

const FindingsQuery = z
  .object({
    kit: z.string().max(100).optional(),
    check: z.string().max(100).optional(),
    cve: z.string().max(100).optional(),
    host: z.string().max(100).optional(),
    state: z.union([FindingState, z.array(FindingState)]).optional(),
    owner: z.string().max(200).optional(),
    overdue: YesNo,
    stale: YesNo,
    drift: YesNo,
    /** the soonest to end first */
    sort: z.enum(['due']).optional(),
    /** at most so many, in the order of their ids; all, where nothing is said */
    limit: z.coerce.number().int().min(1).max(1000).optional(),
    /** those behind this id: `next` of the page before */
    after: z.string().max(100).optional(),
  })
  .strict()
  .refine(({ sort, after }) => sort === undefined || after === undefined, {
    path: ['after'],
    message: 'goes by the order of ids, and not together with sort',
  });

export function findingRoutes(context: Judge, face: Face): Route[] {
  return [
    route({
      method: 'GET',
      path: '/findings',
      id: 'listFindings',
      summary:
        'Findings, by kit, check, advisory, host, state, owner, and whether they are overdue, stale or drifted; a page at a time with limit and after',
      access: MAY.read,
      query: FindingsQuery,
      reply: z.object({ items: z.array(FindingNow), next: z.string().nullable(), more: z.boolean() }),
      handler: async ({ query: { kit, check, cve, host, state, sort, limit, after, ...now } }) => {
        const advisory = cve?.toUpperCase();
        const filter = {
          ...(kit === undefined ? {} : { kit }),
          ...(check === undefined ? {} : { check }),
          ...(advisory === undefined ? {} : { advisory }),
          ...(host === undefined ? {} : { hostId: host }),
          ...(state === undefined ? {} : { states: [state].flat() }),
        };
        const page = await findingPage(context, filter, now, { limit, after, sort });
        if (page.items.length === 0) refuseUnknown(face.kits(), { kit, check, advisory });
        return page;
      },
    }),
    route({
      method: 'GET',
      path: '/findings/:id',
      id: 'getFinding',
      summary: 'One finding with its evidence',
      access: MAY.read,
      params: Id,
      reply: FindingNow,
      handler: async ({ params }) => {
        const [finding] = await face.findings({ ids: [params.id] });
        if (!finding) throw new AppError('NOT_FOUND', { what: 'finding', id: params.id, list: 'findings' });
        return (await asOfNow(context, [finding]))[0]!;
      },
    }),
    exposureRoute(face),
    sourceRoute(context),
  ];
}

const exposureRoute = (face: Face): Route =>
  route({
    method: 'GET',
    path: '/exposures',
    id: 'listExposures',
    summary: 'Burnt keys: where they were served, are served, and lie in files',
    access: MAY.read,
    query: z.object({ kit: z.string().max(100).optional(), host: z.string().max(100).optional() }).strict(),
    reply: z.object({ items: z.array(Exposure) }),
    handler: async ({ query: { kit, host } }) => {
      const items = await face.exposures({
        ...(kit === undefined ? {} : { kit }),
        ...(host === undefined ? {} : { hostId: host }),
      });
      if (items.length === 0) refuseUnknown(face.kits(), { kit });
      return { items };
    },
  });

const sourceRoute = (context: Judge): Route =>
  route({
    method: 'GET',
    path: '/likely-source',
    id: 'getLikelySource',
    summary: 'What hosts that burn share and others do not: image, template, package, archive, setting',
    access: MAY.read,
    query: z.object({ kit: z.string().min(1).max(100), check: z.string().max(100).optional() }).strict(),
    reply: LikelySource,
    handler: ({ query }) => likelySource(context, query),
  });
