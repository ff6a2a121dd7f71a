import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import { Claim, Endpoint, Host, HostCounts, HostDetail, Management, Tags } from '../../model/estate.ts';
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
import { hostCounts, hostIds, isWhole } from './store-host-pages.ts';
import { decisionsOf, findHost, findHosts, hostIdAt } from './store-hosts.ts';

export type LookNow = (at: Pick<Endpoint, 'address' | 'port' | 'transport'>) => Promise<Endpoint>;

const Id = z.object({ id: z.string() });
const HostQuery = z
  .object({
    claim: Claim.optional(),
    management: Management.optional(),
    /** these and no others */
    id: z.union([z.string().max(100), z.array(z.string().max(100)).max(200)]).optional(),
    /** `key=value` */
    tag: z
      .string()
      .regex(/^[a-z0-9_.-]{1,40}=.{0,120}$/)
      .optional(),
    /** the host at this address */
    address: z.string().max(60).optional(),
    /** without addresses that several machines have */
    machines: z.literal('true').optional(),
    /** false: those that no agent reports from */
    managed: z
      .enum(['true', 'false'])
      .transform((word) => word === 'true')
      .optional(),
    /** a part of a name, an address or what it is taken for */
    text: z.string().min(1).max(200).optional(),
    /** an id, a name, an address, or the end of an id */
    ref: z.string().min(1).max(200).optional(),
    /** at most so many, in the order of their ids; all, where nothing is said */
    limit: z.coerce.number().int().min(1).max(1000).optional(),
    /** those behind this id: `next` of the page before */
    after: z
      .string()
      .max(100)
      .regex(/^host_/, 'ends no page; take `next` of the page before')
      .optional(),
  })
  .strict();
const EndpointQuery = z
  .object({
    hostId: z.string().optional(),
    protocol: z.enum(['ssh', 'tls', 'unknown', ...ServiceProtocol.options]).optional(),
    state: Endpoint.shape.state.optional(),
  })
  .strict();

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
  return (await hostIds(platform.db, { name: ref, limit: 1 }))[0] ?? ref;
}

async function hostPage(
  { db }: Platform,
  { address, id, tag: tagged, limit, ...asked }: z.infer<typeof HostQuery>,
): Promise<{ items: Host[]; next: string | null }> {
  const [key, ...value] = (tagged ?? '').split('=');
  const tag = tagged ? { key: key!, value: value.join('=') } : undefined;
  if (id !== undefined) return { items: await findHosts(db, { ids: [id].flat() }), next: null };
  if (address !== undefined) {
    const at = await hostIdAt(db, normalAddress(address) ?? '');
    const { claim, management } = asked;
    return { items: await findHosts(db, { claim, management, tag, ids: at ? [at] : [] }), next: null };
  }
  if (isWhole({ ...asked, limit })) return { items: await findHosts(db, { ...asked, tag }), next: null };
  const ids = await hostIds(db, { ...asked, tag, limit: limit === undefined ? undefined : limit + 1 });
  const shown = ids.slice(0, limit);
  return { items: await findHosts(db, { ids: shown }), next: ids.length > shown.length ? shown.at(-1)! : null };
}

function readHosts(platform: Platform): Route[] {
  return [
    route({
      method: 'GET',
      path: '/hosts',
      id: 'listHosts',
      summary: 'Hosts, known or not; a page at a time with limit and after',
      access: MAY.read,
      query: HostQuery,
      reply: z.object({ items: z.array(Host), next: z.string().nullable() }),
      handler: ({ query }) => hostPage(platform, query),
    }),
    route({
      method: 'GET',
      path: '/hosts/counts',
      id: 'countHosts',
      summary: 'How many machines there are, and how many of them nobody claimed, are managed, or are lost',
      access: MAY.read,
      reply: HostCounts,
      handler: () => hostCounts(platform.db),
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
