import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { AdvisoryId } from '../../model/statement.ts';
import { Fixes, Vulnerabilities, VulnerabilityDetail, VulnerabilitySeverity } from '../../model/vulnerability.ts';
import { route, type Route } from '../../platform/http/route.ts';
import type { Judge } from './judge-host.ts';
import { showVulnerability } from './show-vulnerability.ts';
import { listFixes } from './store-fixes.ts';
import { vulnerabilitiesNow } from './vulnerability-clocks.ts';

const Flag = z.enum(['true', 'false']);
const truth = (flag: 'true' | 'false' | undefined): boolean | undefined =>
  flag === undefined ? undefined : flag === 'true';
const MOST = 500;
const limit = (normal: number, most = MOST) => z.coerce.number().int().min(1).max(most).default(normal);

const List = z
  .object({
    host: z.string().max(100).optional(),
    severity: VulnerabilitySeverity.optional(),
    exploited: Flag.optional(),
    fixable: Flag.optional(),
    /** past the time that a policy sets, on a host at least; or not */
    overdue: Flag.optional(),
    /** an exception accepts it, for all hosts or for the one asked about; or not */
    accepted: Flag.optional(),
    /** an advisory, or a package as feeds call it */
    text: z.string().min(1).max(300).optional(),
    limit: limit(100),
    offset: z.coerce.number().int().min(0).max(1_000_000).default(0),
  })
  .strict();

export function vulnerabilityRoutes(judge: Judge): Route[] {
  return [
    route({
      method: 'GET',
      path: '/vulnerabilities',
      id: 'listVulnerabilities',
      summary: 'Advisories that hosts are affected by, the most urgent first, each with the factors of its priority',
      access: MAY.read,
      query: List,
      reply: Vulnerabilities,
      handler: ({ query: { host, exploited, fixable, overdue, accepted, ...rest } }) =>
        vulnerabilitiesNow(judge, {
          ...rest,
          hostId: host,
          exploited: exploited === 'true',
          fixable: fixable === 'true',
          overdue: truth(overdue),
          accepted: truth(accepted),
        }),
    }),
    route({
      method: 'GET',
      path: '/vulnerabilities/:advisory',
      id: 'showVulnerability',
      summary: 'One advisory: what each feed says of it, how urgent it is, and on which hosts it is or was',
      access: MAY.read,
      params: z.object({ advisory: AdvisoryId }).strict(),
      query: z.object({ limit: limit(100), after: z.string().max(100).optional() }).strict(),
      reply: VulnerabilityDetail,
      handler: ({ params, query }) => showVulnerability(judge, params.advisory, query),
    }),
    route({
      method: 'GET',
      path: '/fixes',
      id: 'listFixes',
      summary:
        'What one would do: from which version of a source package to which, for which advisories, on how many hosts',
      access: MAY.read,
      query: z.object({ host: z.string().max(100).optional(), limit: limit(50, 200) }).strict(),
      reply: Fixes,
      handler: ({ query: { host, limit: most } }) => listFixes(judge.platform.db, { hostId: host, limit: most }),
    }),
  ];
}
