import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import { Exposure, FindingCounts, FindingNow, FindingState } from '../../model/finding.ts';
import { Severity } from '../../model/kit.ts';
import { LikelySource } from '../../model/likely-source.ts';
import { LEAST_OF_ID } from '../../model/short-id.ts';
import { route, type Route } from '../../platform/http/route.ts';
import type { Audit, FindingFilter, NowFilter } from './face.ts';
import { asOfNow } from './finding-clocks.ts';
import type { Judge } from './judge-host.ts';
import { findingCounts, findingPage } from './list-findings.ts';
import { positionAt } from './logic/finding-cursor.ts';
import { likelySource } from './likely-source.ts';
import { refuseUnknown } from './refuse-unknown.ts';
import { countByHost, matching } from './store-finding-pages.ts';

type Face = Pick<Audit, 'findings' | 'exposures'>;
const Id = z.object({ id: z.string().min(1).max(100) }).strict();
const YesNo = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .optional();

const States = z.union([FindingState, z.array(FindingState)]).optional();
const Filter = z
  .object({
    kit: z.string().max(100).optional(),
    check: z.string().max(100).optional(),
    cve: z.string().max(100).optional(),
    host: z.string().max(100).optional(),
    /** part of this change */
    change: z.string().max(100).optional(),
    state: States,
    severity: z.union([Severity, z.array(Severity)]).optional(),
    owner: z.string().max(200).optional(),
    overdue: YesNo,
    stale: YesNo,
    drift: YesNo,
  })
  .strict();

const FindingsQuery = Filter.extend({
  /** these and no others */
  id: z.union([z.string().max(100), z.array(z.string().max(100)).max(200)]).optional(),
  /** a whole id, or the end of one */
  ref: z.string().min(LEAST_OF_ID).max(100).optional(),
  /** the soonest to end first, or the most severe */
  sort: z.enum(['due', 'worst']).optional(),
  /** at most so many; all, where nothing is said */
  limit: z.coerce.number().int().min(1).max(1000).optional(),
  /** `next` of the page before: those behind it */
  after: z.string().max(100).optional(),
})
  .refine(({ sort, after }) => after === undefined || positionAt(sort, after) !== null, {
    path: ['after'],
    message: 'ends no page in this order; take `next` of the page before',
  })
  .refine(({ sort, after, limit }) => sort === undefined || after === undefined || limit !== undefined, {
    path: ['limit'],
    message: 'has to be given where a sorted list goes on',
  });

export function findingRoutes(context: Judge, face: Face): Route[] {
  return [
    route({
      method: 'GET',
      path: '/findings',
      id: 'listFindings',
      summary:
        'Findings, by kit, check, advisory, host, state, severity, owner, and whether they are overdue, stale or drifted; a page at a time with limit and after',
      access: MAY.read,
      query: FindingsQuery,
      reply: z.object({ items: z.array(FindingNow), next: z.string().nullable(), more: z.boolean() }),
      handler: async ({ query: { sort, limit, after, ref, id, ...asked } }) => {
        const { filter, now } = splitUp(asked);
        const page = await findingPage(
          context,
          { ...filter, ref, ...(id === undefined ? {} : { ids: [id].flat() }) },
          now,
          { limit, after: after === undefined ? undefined : positionAt(sort, after)!, sort },
        );
        if (page.items.length === 0) await refuseUnknown(context.platform.db, context.kits, filter);
        return page;
      },
    }),
    ...countRoutes(context),
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
    exposureRoute(context, face),
    sourceRoute(context),
  ];
}

/** What is stored, and what depends on the time. */
function splitUp({ kit, check, cve, host, change, state, severity, ...now }: z.infer<typeof Filter>): {
  filter: FindingFilter;
  now: NowFilter;
} {
  const advisory = cve?.toUpperCase();
  const states = state === undefined ? undefined : [state].flat();
  const severities = severity === undefined ? undefined : [severity].flat();
  return { filter: { kit, check, advisory, hostId: host, changeId: change, states, severities }, now };
}

const countRoutes = (context: Judge): Route[] => [
  route({
    method: 'GET',
    path: '/findings/counts',
    id: 'countFindings',
    summary: 'How many findings fit, by kit, state and severity; the same filters as in the list of them',
    access: MAY.read,
    query: Filter,
    reply: FindingCounts,
    handler: async ({ query }) => {
      const { filter, now } = splitUp(query);
      const counts = await findingCounts(context, filter, now);
      if (counts.total === 0) await refuseUnknown(context.platform.db, context.kits, filter);
      return counts;
    },
  }),
  route({
    method: 'GET',
    path: '/findings/counts/hosts',
    id: 'countFindingsOfHosts',
    summary: 'How many findings each of these hosts has; those that have none are left out',
    access: MAY.read,
    query: z
      .object({ host: z.union([z.string().max(100), z.array(z.string().max(100)).max(200)]), state: States })
      .strict(),
    reply: z.object({ items: z.array(z.object({ host: z.string(), findings: z.number().int() })) }),
    handler: async ({ query: { host, state } }) => {
      const filter = { hostIds: [host].flat(), states: state === undefined ? undefined : [state].flat() };
      return { items: await countByHost(context.platform.db, matching(filter)) };
    },
  }),
];

const exposureRoute = (context: Judge, face: Face): Route =>
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
      if (items.length === 0) await refuseUnknown(context.platform.db, context.kits, { kit });
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
