import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import { Claim, Endpoint, Host, HostDetail, Management, Tags } from '../../model/estate.ts';
import { ProbeResult, ServiceProtocol } from '../../model/probe.ts';
import { Instant } from '../../model/json.ts';
import { UnknownHost } from '../../model/unknown.ts';
import type { Platform } from '../../platform/context.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { claimHost, importHosts, tagHost } from './claims.ts';
import { mergeByHand, splitHost } from './merge.ts';
import { normalAddress } from '../../scan/logic/address.ts';
import { rematch } from './rematch.ts';
import { findEndpoint, findEndpoints, historyOf } from './store-endpoints.ts';
import { unknownHosts } from './unknown.ts';
import { guessDevice } from '../../scan/logic/device.ts';
import { deviceEvidence } from './store-device.ts';
import { decisionsOf, findHost, findHosts, hostIdAt } from './store-hosts.ts';

export type LookNow = (at: Pick<Endpoint, 'address' | 'port' | 'transport'>) => Promise<Endpoint>;

const Id = z.object({ id: z.string() });
const HostQuery = z.object({
  claim: Claim.optional(),
  management: Management.optional(),
  /** `key=value` */
  tag: z
    .string()
    .regex(/^[a-z0-9_.-]{1,40}=.{0,120}$/)
    .optional(),
  /** the host at this address */
  address: z.string().max(60).optional(),
});
const EndpointQuery = z.object({
  hostId: z.string().optional(),
  protocol: z.enum(['ssh', 'tls', 'unknown', ...ServiceProtocol.options]).optional(),
  state: Endpoint.shape.state.optional(),
});

export function hostRoutes(platform: Platform, look: LookNow): Route[] {
  return [
    ...readHosts(platform),
    ...changeHosts(platform),
    ...identityRoutes(platform),
    importRoute(platform),
    ...endpointRoutes(platform, look),
  ];
}

async function detailOf(platform: Platform, id: string): Promise<HostDetail> {
  const host = await findHost(platform.db, id);
  if (!host) throw new AppError('NOT_FOUND', { what: 'host', id, list: 'hosts' });
  const [endpoints, why, evidence] = await Promise.all([
    findEndpoints(platform.db, { hostId: host.id }),
    decisionsOf(platform.db, host.id),
    deviceEvidence(platform.db, [host.id]),
  ]);
  return { host, endpoints, why, device: guessDevice(evidence.get(host.id)!) };
}

/** People know hosts by name or address, too. */
async function hostIdOf(platform: Platform, ref: string): Promise<string> {
  const address = normalAddress(ref);
  if (address) return (await hostIdAt(platform.db, address)) ?? ref;
  if (await findHost(platform.db, ref)) return ref;
  const named = (await findHosts(platform.db)).filter((host) => host.name === ref);
  return named[0]?.id ?? ref;
}

function readHosts(platform: Platform): Route[] {
  return [
    route({
      method: 'GET',
      path: '/hosts',
      id: 'listHosts',
      summary: 'Hosts, known or not',
      access: MAY.read,
      query: HostQuery,
      reply: z.object({ items: z.array(Host) }),
      handler: async ({ query }) => {
        const [key, ...value] = (query.tag ?? '').split('=');
        const tag = query.tag ? { key: key!, value: value.join('=') } : undefined;
        const at = query.address ? await hostIdAt(platform.db, normalAddress(query.address) ?? '') : undefined;
        const ids = query.address ? { ids: at ? [at] : [] } : {};
        return {
          items: await findHosts(platform.db, { claim: query.claim, management: query.management, tag, ...ids }),
        };
      },
    }),
    route({
      method: 'GET',
      path: '/unknown',
      id: 'listUnknown',
      summary: 'Hosts that nobody claimed: who saw them, what they serve, whose they may be',
      access: MAY.read,
      reply: z.object({ items: z.array(UnknownHost) }),
      handler: async () => ({ items: await unknownHosts(platform) }),
    }),
    route({
      method: 'GET',
      path: '/hosts/:id',
      id: 'getHost',
      summary: 'One host (by id, name or address), its endpoints, and why we think it is one machine',
      access: MAY.read,
      params: Id,
      reply: HostDetail,
      handler: async ({ params }) => detailOf(platform, await hostIdOf(platform, params.id)),
    }),
  ];
}

function changeHosts(platform: Platform): Route[] {
  return [
    route({
      method: 'POST',
      path: '/hosts/:id/claim',
      id: 'claimHost',
      summary: 'This host is ours',
      access: MAY.operate,
      params: Id,
      body: z
        .object({
          owner: z.string().min(1).max(120).optional(),
          tags: Tags.optional(),
          reason: z.string().max(1000).optional(),
        })
        .strict(),
      reply: Host,
      handler: async ({ params, body, actor }) =>
        claimHost(platform, actor, await hostIdOf(platform, params.id), 'known', body),
    }),
    route({
      method: 'POST',
      path: '/hosts/:id/ignore',
      id: 'ignoreHost',
      summary: 'Looked at and set aside',
      access: MAY.operate,
      params: Id,
      body: z
        .object({
          reason: z.string().trim().min(1).max(1000),
          /** when it is to be looked at again */
          until: Instant.optional(),
        })
        .strict(),
      reply: Host,
      handler: async ({ params, body, actor }) => {
        if (body.until && new Date(body.until) <= platform.now())
          throw new AppError('INPUT_INVALID', { why: `until: ${body.until} is over; give a moment to come` });
        return claimHost(platform, actor, await hostIdOf(platform, params.id), 'ignored', body);
      },
    }),
    route({
      method: 'PUT',
      path: '/hosts/:id/tags',
      id: 'setHostTags',
      summary: 'Replace the tags of a host',
      access: MAY.operate,
      params: Id,
      body: z.object({ tags: Tags }).strict(),
      reply: Host,
      handler: async ({ params, body, actor }) =>
        tagHost(platform, actor, await hostIdOf(platform, params.id), body.tags),
    }),
  ];
}

const importRoute = (platform: Platform): Route =>
  route({
    method: 'POST',
    path: '/hosts/import',
    id: 'importHosts',
    summary: 'A list of hosts that are known: lines, CSV or JSON lines',
    access: MAY.operate,
    body: z.object({ text: z.string().max(5_000_000) }).strict(),
    reply: z.object({
      hosts: z.array(Host),
      skipped: z.array(z.object({ line: z.number().int(), target: z.string(), why: z.string() })),
    }),
    handler: ({ body, actor }) => importHosts(platform, actor, body.text),
  });

/** What people know better about which machine is which. */
function identityRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'POST',
      path: '/hosts/:id/merge',
      id: 'mergeHosts',
      summary: 'This host and another record are one machine; can be taken back',
      access: MAY.operate,
      params: Id,
      body: z.object({ from: z.string().min(1).max(300), reason: z.string().trim().min(1).max(1000) }).strict(),
      reply: HostDetail,
      handler: async ({ params, body, actor }) => {
        const [into, from] = await Promise.all([hostIdOf(platform, params.id), hostIdOf(platform, body.from)]);
        await mergeByHand(platform, actor, { into, from, reason: body.reason });
        return detailOf(platform, into);
      },
    }),
    route({
      method: 'POST',
      path: '/hosts/:id/split',
      id: 'splitHost',
      summary: 'Take back the last merge into this host',
      access: MAY.operate,
      params: Id,
      body: z.object({ from: z.string().max(300).optional(), reason: z.string().trim().min(1).max(1000) }).strict(),
      reply: z.object({ hostId: z.string(), from: z.string() }),
      handler: async ({ params, body, actor }) =>
        splitHost(platform, actor, { ...body, id: await hostIdOf(platform, params.id) }),
    }),
  ];
}

function endpointRoutes(platform: Platform, look: LookNow): Route[] {
  return [
    route({
      method: 'GET',
      path: '/endpoints',
      id: 'listEndpoints',
      summary: 'What listens, and what a probe read there',
      access: MAY.read,
      query: EndpointQuery,
      reply: z.object({ items: z.array(Endpoint) }),
      handler: async ({ query }) => ({ items: await findEndpoints(platform.db, query) }),
    }),
    route({
      method: 'GET',
      path: '/endpoints/:id/history',
      id: 'getEndpointHistory',
      summary: 'Probe results of an endpoint that differed, oldest first',
      access: MAY.read,
      params: Id,
      reply: z.object({ items: z.array(z.object({ at: Instant, probe: ProbeResult })) }),
      handler: async ({ params }) => ({ items: await historyOf(platform.db, params.id) }),
    }),
    route({
      method: 'POST',
      path: '/endpoints/rematch',
      id: 'rematchEndpoints',
      summary: 'Try the probes of today on what was kept of unknown services, without another look',
      access: MAY.operate,
      reply: z.object({ looked: z.number().int(), known: z.number().int() }),
      handler: () => rematch(platform),
    }),
    route({
      method: 'POST',
      path: '/endpoints/:id/probe',
      id: 'probeEndpoint',
      summary: 'Look at an endpoint from outside now',
      access: MAY.operate,
      params: Id,
      reply: Endpoint,
      handler: async ({ params }) => {
        const endpoint = await findEndpoint(platform.db, params.id);
        if (!endpoint) throw new AppError('NOT_FOUND', { what: 'endpoint', id: params.id, list: 'hosts' });
        return look(endpoint);
      },
    }),
  ];
}
