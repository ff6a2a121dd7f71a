import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import { TagExpression } from '../../model/policy.ts';
import { AdvisoryId } from '../../model/statement.ts';
import { Exception } from '../../model/finding.ts';
import { Dependency, Impact } from '../../model/impact.ts';
import { Instant } from '../../model/json.ts';
import { NetworkMap } from '../../model/map.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { previewSummary } from './logic/summary.ts';
import { listDependencies } from './connections.ts';
import { isOfOneKind } from './logic/exceptions.ts';
import { addException, endEarly } from './exceptions.ts';
import { networkMap } from './map.ts';
import { previewFindings, previewHosts, type Sources } from './predict.ts';
import { exceptionRows } from './store.ts';

const Ids = z.array(z.string().min(1).max(100)).min(1).max(1000);
const PreviewInput = z.union([z.object({ findings: Ids }).strict(), z.object({ hostIds: Ids }).strict()]);
/** Opened at once: more would be no map any more. */
const MOST_OPEN = 6;
const MapQuery = z
  .object({
    open: z
      .string()
      .max(400)
      .transform((text) => text.split(','))
      .pipe(z.array(z.union([z.cidrv4(), z.cidrv6()])).max(MOST_OPEN))
      .optional(),
  })
  .strict();
const ExceptionInput = z
  .object({
    match: z
      .object({
        hostId: z.string().max(100).optional(),
        kit: z.string().max(100).optional(),
        check: z.string().max(100).optional(),
        component: z.string().max(200).optional(),
        advisory: AdvisoryId.optional(),
        hosts: TagExpression.optional(),
      })
      .strict()
      .refine(isOfOneKind, 'An advisory goes with hostId or hosts alone, and hosts with an advisory'),
    reason: z.string().min(3).max(2000),
    owner: z.string().min(1).max(200),
    /** what holds the risk down meanwhile */
    control: z.string().max(2000).nullable().optional(),
    expiresAt: Instant,
  })
  .strict();

export function impactRoutes(sources: Sources): Route[] {
  return [...dependencyRoutes(sources), ...exceptionRoutes(sources)];
}

function dependencyRoutes(sources: Sources): Route[] {
  return [
    route({
      method: 'GET',
      path: '/dependencies',
      id: 'listDependencies',
      summary: 'Who uses whose service, as agents saw it',
      access: MAY.read,
      query: z.object({ hostId: z.string().max(100).optional() }).strict(),
      reply: z.object({ items: z.array(Dependency) }),
      handler: async ({ query }) => ({
        items: await listDependencies(sources.platform, sources.discovery, query.hostId),
      }),
    }),
    route({
      method: 'GET',
      path: '/map',
      id: 'getMap',
      summary: 'Subnets and who talks to whom; `open` (comma-separated) shows the hosts of some',
      access: MAY.read,
      query: MapQuery,
      reply: NetworkMap,
      handler: ({ query }) => networkMap(sources, query.open ?? []),
    }),
    route({
      method: 'POST',
      path: '/impact/preview',
      id: 'previewImpact',
      summary: 'What fixing these findings, or restarting these hosts, would interrupt',
      access: MAY.read,
      body: PreviewInput,
      reply: Impact,
      handler: async ({ body }) => {
        if ('hostIds' in body) return asPreview(await previewHosts(sources, await known(sources, body.hostIds)));
        const findings = await sources.audit.findings({ ids: body.findings });
        const missing = body.findings.find((id) => !findings.some((finding) => finding.id === id));
        if (missing) throw new AppError('NOT_FOUND', { what: 'finding', id: missing, list: 'findings' });
        return asPreview(await previewFindings(sources, findings));
      },
    }),
  ];
}

/** Without a plan nobody knows what would be written, so nothing is said of it. */
const asPreview = (impact: Impact): Impact => ({ ...impact, summary: previewSummary(impact) });

async function known(sources: Sources, hostIds: string[]): Promise<string[]> {
  for (const id of hostIds) {
    if (!(await sources.discovery.host(id))) throw new AppError('NOT_FOUND', { what: 'host', id, list: 'hosts' });
  }
  return hostIds;
}

function exceptionRoutes({ platform, discovery, audit }: Sources): Route[] {
  return [
    route({
      method: 'GET',
      path: '/exceptions',
      id: 'listExceptions',
      summary: 'Accepted risks, newest first',
      access: MAY.read,
      query: z.object({ active: z.enum(['true', 'false']).optional() }).strict(),
      reply: z.object({ items: z.array(Exception) }),
      handler: async ({ query }) => {
        const rows = await exceptionRows(
          platform.db,
          query.active === undefined ? {} : { active: query.active === 'true' },
        );
        const covers = await audit.coveredByExceptions();
        return { items: rows.map((one) => ({ ...one, covers: covers.get(one.id) ?? { now: 0, gone: 0 } })) };
      },
    }),
    route({
      method: 'POST',
      path: '/exceptions',
      id: 'createException',
      summary: 'Accept the risk of findings until a date, at most a year ahead',
      access: MAY.operate,
      body: ExceptionInput,
      reply: Exception,
      status: 201,
      handler: ({ actor, body }) => addException(platform, discovery, audit, actor, body),
    }),
    route({
      method: 'POST',
      path: '/exceptions/:id/end',
      id: 'endException',
      summary: 'End an exception now; its findings burn again',
      access: MAY.operate,
      params: z.object({ id: z.string() }),
      body: z.object({ reason: z.string().min(3).max(2000).optional() }).strict(),
      reply: Exception,
      handler: ({ actor, params, body }) =>
        endEarly(platform, audit, actor, params.id, body.reason ?? `ended by ${actor.name}`),
    }),
  ];
}
