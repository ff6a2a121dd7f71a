import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { Comparison } from '../../model/compare.ts';
import { Compliance, ComplianceDay, Dimension, HostCompliance } from '../../model/compliance.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { compareHosts } from './compare.ts';
import { compliance, hostCompliance, overTime } from './compliance.ts';
import type { Judge } from './judge-host.ts';

const Id = z.object({ id: z.string().min(1).max(100) }).strict();
const MOST = 10_000;

export function complianceRoutes(context: Judge): Route[] {
  return [
    route({
      method: 'GET',
      path: '/compliance',
      id: 'getCompliance',
      summary: 'How much of what applies passes, by kit, host, owner, control or check; the worst first',
      access: MAY.read,
      query: z
        .object({ by: Dimension.default('kit'), limit: z.coerce.number().int().min(1).max(MOST).default(500) })
        .strict(),
      reply: Compliance,
      handler: ({ query }) => compliance(context, query.by, query.limit),
    }),
    route({
      method: 'GET',
      path: '/compliance/days',
      id: 'listComplianceDays',
      summary: 'The score of each day, of the estate, a kit or an owner',
      access: MAY.read,
      query: z
        .object({
          kit: z.string().max(100).optional(),
          owner: z.string().max(200).optional(),
          days: z.coerce.number().int().min(1).max(800).default(90),
        })
        .strict(),
      reply: z.object({ items: z.array(ComplianceDay) }),
      handler: async ({ query }) => ({ items: await overTime(context, query) }),
    }),
    route({
      method: 'GET',
      path: '/hosts/:id/compliance',
      id: 'getHostCompliance',
      summary: 'Every verdict of one host: since when, by which facts, and what drifted',
      access: MAY.read,
      params: Id,
      reply: HostCompliance,
      handler: ({ params }) => hostCompliance(context, params.id),
    }),
    route({
      method: 'GET',
      path: '/compare',
      id: 'compareHosts',
      summary: 'What differs between two hosts: packages, settings, verdicts',
      access: MAY.read,
      query: z.object({ first: z.string().min(1).max(100), second: z.string().min(1).max(100) }).strict(),
      reply: Comparison,
      handler: ({ query }) => compareHosts(context, query.first, query.second),
    }),
  ];
}
