import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import { Scan, ScanEstimate, ScanKind, Scope } from '../../model/estate.ts';
import { LOCAL_SITE, SiteName } from '../../model/site.ts';
import type { Platform } from '../../platform/context.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { cancelScansOf, createScan, DEFAULT_RATE, estimateOf, type ScanRequest, steerScan } from './scans.ts';
import { DEFAULT_SUBNET_RATE } from '../../scan/logic/subnets.ts';
import type { SiteTimes } from './sites/lease.ts';
import { withSites } from './sites/lists.ts';
import { checkScope } from './scopes.ts';
import {
  deleteScope,
  findScans,
  findScope,
  findScopes,
  insertScope,
  scanRow,
  toScan,
  updateScope,
} from './store-scans.ts';

const Id = z.object({ id: z.string() });
const Targets = z.array(z.string().min(1).max(300)).max(10_000);
const Rate = z.number().int().min(1).max(100_000);
const Blackouts = z.array(z.string().min(1).max(120)).max(50);
/** days */
const FullEvery = z.number().int().min(1).max(366);
const Ports = z.string().min(1).max(4000);
const Udp = z.string().min(1).max(400);

/** `confirmWide`: yes, wider than a /8 is meant. */
const ScopeFields = z.object({
  cidrs: Targets.min(1),
  exclude: Targets.default([]),
  follow: Targets.default([]),
  ports: Ports.default('default'),
  udp: Udp.default('none'),
  rate: Rate.default(DEFAULT_RATE),
  subnetRate: Rate.default(DEFAULT_SUBNET_RATE),
  every: z.string().max(120).nullable().default(null),
  blackouts: Blackouts.default([]),
  fullEvery: FullEvery.nullable().default(null),
  agents: z.boolean().default(false),
  site: SiteName.default(LOCAL_SITE),
  confirmWide: z.boolean().default(false),
});
const ScopeInput = ScopeFields.extend({ name: z.string().regex(/^[\w.-]{1,60}$/) }).strict();
const ScopeChange = z
  .object({
    cidrs: Targets.min(1).optional(),
    exclude: Targets.optional(),
    follow: Targets.optional(),
    ports: Ports.optional(),
    udp: Udp.optional(),
    rate: Rate.optional(),
    subnetRate: Rate.optional(),
    every: z.string().max(120).nullable().optional(),
    blackouts: Blackouts.optional(),
    fullEvery: FullEvery.nullable().optional(),
    agents: z.boolean().optional(),
    site: SiteName.optional(),
    confirmWide: z.boolean().default(false),
  })
  .strict();
const ScanInput = z
  .object({
    /** id or name of a scope; or else targets */
    scope: z.string().optional(),
    targets: Targets.default([]),
    ports: Ports.optional(),
    udp: Udp.optional(),
    rate: Rate.optional(),
    subnetRate: Rate.optional(),
    kind: ScanKind.default('full'),
    confirmWide: z.boolean().default(false),
  })
  .strict()
  .refine((input) => (input.scope === undefined) !== (input.targets.length === 0), 'give a scope or targets, not both');

async function mustFindScope(platform: Platform, ref: string): Promise<Scope> {
  const scope = await findScope(platform.db, ref);
  if (!scope) throw new AppError('NOT_FOUND', { what: 'scope', id: ref, list: 'scope list' });
  return scope;
}

async function requestOf(platform: Platform, { scope: ref, ...rest }: z.infer<typeof ScanInput>): Promise<ScanRequest> {
  const scope = ref === undefined ? null : await mustFindScope(platform, ref);
  return { ports: undefined, rate: undefined, ...rest, scope };
}

export function scanRoutes(platform: Platform, times: SiteTimes): Route[] {
  return [
    ...scopeRoutes(platform),
    ...changeScopeRoutes(platform),
    ...runRoutes(platform, times),
    ...steerRoutes(platform),
  ];
}

const detailOf = (scope: Scope) => ({
  name: scope.name,
  cidrs: scope.cidrs,
  exclude: scope.exclude,
  follow: scope.follow,
  ports: scope.ports,
  udp: scope.udp,
  rate: scope.rate,
  subnetRate: scope.subnetRate,
  every: scope.every,
  blackouts: scope.blackouts,
  fullEvery: scope.fullEvery,
  agents: scope.agents,
  site: scope.site,
});

function scopeRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'GET',
      path: '/scopes',
      id: 'listScopes',
      summary: 'What may be discovered',
      access: MAY.read,
      reply: z.object({ items: z.array(Scope) }),
      handler: async () => ({ items: await findScopes(platform.db) }),
    }),
    route({
      method: 'POST',
      path: '/scopes',
      id: 'createScope',
      summary: 'Add a scope',
      access: MAY.operate,
      body: ScopeInput,
      reply: Scope,
      status: 201,
      handler: async ({ body: { confirmWide, ...input }, actor }) => {
        const scope: Scope = { id: platform.newId('scope'), ...input, createdAt: platform.now().toISOString() };
        checkScope(scope, confirmWide);
        const subject = { kind: 'scope' as const, id: scope.id, name: scope.name };
        await platform.act(actor, { type: 'discovery.scope.added', subject, detail: detailOf(scope) }, async (tx) => {
          if (!(await insertScope(tx.db, scope))) throw new AppError('SCOPE_EXISTS', { name: scope.name });
          await tx.publish('scans', { scopeId: scope.id });
        });
        return scope;
      },
    }),
  ];
}

function changeScopeRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'PATCH',
      path: '/scopes/:id',
      id: 'updateScope',
      summary: 'Change a scope',
      access: MAY.operate,
      params: Id,
      body: ScopeChange,
      reply: Scope,
      handler: async ({ params, body: { confirmWide, ...change }, actor }) => {
        const before = await mustFindScope(platform, params.id);
        const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
        const scope: Scope = { ...before, ...given };
        checkScope(scope, confirmWide);
        const subject = { kind: 'scope' as const, id: scope.id, name: scope.name };
        const detail = { before: detailOf(before), after: detailOf(scope) };
        await platform.act(actor, { type: 'discovery.scope.changed', subject, detail }, async (tx) => {
          if (scope.site !== before.site) await cancelScansOf(tx, scope, 'its scope is for another site now');
          await updateScope(tx.db, scope);
          await tx.publish('scans', { scopeId: scope.id });
        });
        return scope;
      },
    }),
    route({
      method: 'DELETE',
      path: '/scopes/:id',
      id: 'deleteScope',
      summary: 'Remove a scope; hosts found in it stay',
      access: MAY.operate,
      params: Id,
      reply: Scope,
      handler: async ({ params, actor }) => {
        const scope = await mustFindScope(platform, params.id);
        const subject = { kind: 'scope' as const, id: scope.id, name: scope.name };
        await platform.act(actor, { type: 'discovery.scope.removed', subject, detail: detailOf(scope) }, async (tx) => {
          await cancelScansOf(tx, scope);
          await deleteScope(tx.db, scope.id);
          await tx.publish('scans', { scopeId: scope.id });
        });
        return scope;
      },
    }),
  ];
}

function runRoutes(platform: Platform, times: SiteTimes): Route[] {
  return [
    route({
      method: 'POST',
      path: '/scans',
      id: 'createScan',
      summary: 'Scan a scope, or some targets, now',
      access: MAY.operate,
      body: ScanInput,
      reply: Scan,
      status: 201,
      handler: async ({ body, actor }) => {
        const scan = await createScan(platform, actor, await requestOf(platform, body));
        return (await withSites(platform, times, [scan]))[0]!;
      },
    }),
    route({
      method: 'POST',
      path: '/scans/estimate',
      id: 'estimateScan',
      summary: 'What such a scan would cost; nothing is sent',
      access: MAY.operate,
      body: ScanInput,
      reply: ScanEstimate,
      handler: async ({ body }) => estimateOf(platform, await requestOf(platform, body)),
    }),
    route({
      method: 'GET',
      path: '/scans',
      id: 'listScans',
      summary: 'Scans, latest first',
      access: MAY.read,
      reply: z.object({ items: z.array(Scan) }),
      handler: async () => ({ items: await withSites(platform, times, await findScans(platform.db)) }),
    }),
    route({
      method: 'GET',
      path: '/scans/:id',
      id: 'getScan',
      summary: 'One scan and how far it is',
      access: MAY.read,
      params: Id,
      reply: Scan,
      handler: async ({ params }) => {
        const row = await scanRow(platform.db, params.id);
        if (!row) throw new AppError('NOT_FOUND', { what: 'scan', id: params.id, list: 'scans' });
        return (await withSites(platform, times, [toScan(row)]))[0]!;
      },
    }),
  ];
}

function steerRoutes(platform: Platform): Route[] {
  const verbs = { pause: 'pauseScan', resume: 'resumeScan', cancel: 'cancelScan' } as const;
  return (['pause', 'resume', 'cancel'] as const).map((verb) =>
    route({
      method: 'POST',
      path: `/scans/:id/${verb}`,
      id: verbs[verb],
      summary: `${verb[0]!.toUpperCase()}${verb.slice(1)} a scan`,
      access: MAY.operate,
      params: Id,
      reply: Scan,
      handler: ({ params, actor }) => steerScan(platform, actor, params.id, verb),
    }),
  );
}
