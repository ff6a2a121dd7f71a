import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { FactsReply, FactsRequest } from '../../model/agent.ts';
import { AppError } from '../../model/errors/index.ts';
import { Facts, SECTION_NAMES } from '../../model/facts.ts';
import { Affected } from '../../model/finding.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { affectedBy } from './affected.ts';
import { countUnjudged } from './count-unjudged.ts';
import type { Audit } from './face.ts';
import { ask } from './collect.ts';
import type { Judge } from './judge-host.ts';
import { findingRoutes } from './routes-findings.ts';
import { takeFacts } from './take-facts.ts';

type Face = Pick<Audit, 'facts' | 'kits' | 'findings' | 'exposures'>;
const Id = z.object({ id: z.string().min(1).max(100) }).strict();
const SectionMeta = z.object({
  version: z.number(),
  hash: z.string(),
  collectedAt: z.string(),
  receivedAt: z.string().optional(),
  error: z.string().nullable(),
});
const HostFacts = z.object({
  hostId: z.string(),
  sections: Facts.partial(),
  meta: z.partialRecord(z.enum(SECTION_NAMES), SectionMeta),
});
const LARGEST_FACTS = 32 * 1024 * 1024;

export function auditRoutes(context: Judge, face: Face): Route[] {
  return [...findingRoutes(context, face), ...factRoutes(context, face), ...askRoutes(context, face)];
}

function factRoutes({ discovery }: Judge, face: Face): Route[] {
  const known = async (id: string): Promise<string> => {
    if (!(await discovery.host(id))) throw new AppError('NOT_FOUND', { what: 'host', id, list: 'hosts' });
    return id;
  };
  return [
    route({
      method: 'GET',
      path: '/hosts/:id/facts',
      id: 'getHostFacts',
      summary: 'What agents told about a host, with the time and state of each section',
      access: MAY.read,
      params: Id,
      reply: HostFacts,
      handler: async ({ params }) => face.facts(await known(params.id)),
    }),
    route({
      method: 'GET',
      path: '/hosts/:id/facts/:section',
      id: 'getHostFactsSection',
      summary: 'One section of a host’s facts',
      access: MAY.read,
      params: Id.extend({ section: z.enum(SECTION_NAMES) }),
      reply: HostFacts,
      handler: async ({ params: { id, section } }) => {
        const { hostId, sections, meta } = await face.facts(await known(id));
        return {
          hostId,
          sections: sections[section] === undefined ? {} : { [section]: sections[section] },
          meta: meta[section] ? { [section]: meta[section] } : {},
        };
      },
    }),
  ];
}

function askRoutes(context: Judge, face: Face): Route[] {
  const { platform, discovery } = context;
  return [
    route({
      method: 'POST',
      path: '/audit',
      id: 'startAudit',
      summary: 'Asks agents for fresh facts and judges the hosts again; all hosts when none are named',
      access: MAY.operate,
      body: z.object({ hostIds: z.array(z.string().min(1).max(100)).max(10_000).optional() }).strict(),
      reply: z.object({ hosts: z.number().int(), asked: z.number().int() }),
      handler: async ({ body, actor }) => {
        const hosts = await discovery.hosts(body.hostIds ? { ids: body.hostIds } : {});
        const missing = body.hostIds?.find((id) => !hosts.some((host) => host.id === id));
        if (missing !== undefined) throw new AppError('NOT_FOUND', { what: 'host', id: missing, list: 'hosts' });
        // One that fell silent hears of it when it is back.
        const managed = hosts.filter((host) => host.management === 'managed' || host.management === 'lost');
        await platform.observe(actor, async (tx) => {
          await ask(
            context,
            tx,
            managed.map((host) => host.id),
          );
          for (const { id } of hosts) await tx.enqueue('audit.host', { hostId: id }, { singletonKey: id });
        });
        return { hosts: hosts.length, asked: managed.length };
      },
    }),
    route({
      method: 'GET',
      path: '/affected',
      id: 'getAffected',
      summary: 'Which hosts does an advisory, a kit or a package concern, from stored inventory',
      access: MAY.read,
      query: z.object({ q: z.string().min(1).max(300) }).strict(),
      reply: Affected,
      handler: ({ query }) => affectedBy({ platform, discovery, kits: face.kits() }, query.q),
    }),
    route({
      method: 'GET',
      path: '/affected/unjudged',
      id: 'countUnjudged',
      summary: 'Of how many managed hosts nobody can tell whether a kit or an advisory (or else any kit) concerns them',
      access: MAY.read,
      query: z.object({ kit: z.string().max(100).optional(), cve: z.string().max(100).optional() }).strict(),
      reply: z.object({ hosts: z.number().int() }),
      handler: async ({ query: { kit, cve } }) => ({
        hosts: await countUnjudged({ platform, discovery, kits: face.kits() }, { kit, advisory: cve }),
      }),
    }),
  ];
}

export function auditAgentRoutes({ platform, discovery }: Judge): Route[] {
  return [
    route({
      method: 'POST',
      path: '/facts',
      id: 'agentFacts',
      summary: 'Facts of the agent’s own host: first hashes, then the contents that the reply asks for',
      access: 'agent',
      body: FactsRequest,
      bodyLimit: LARGEST_FACTS,
      reply: FactsReply,
      handler: ({ body, agent, actor }) =>
        takeFacts(platform, discovery, { actor, hostId: agent!.hostId }, body.sections),
    }),
  ];
}
