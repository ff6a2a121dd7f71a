import * as z from 'zod';
import { Instant } from './json.ts';

/** The steps of row F.1 in their one order. */
export const FunnelStep = z.enum([
  'patched',
  'restarted',
  'newKey',
  'reissued',
  'served',
  'revoked',
  'revocationVisible',
  'sessions',
  'proven',
]);
export type FunnelStep = z.infer<typeof FunnelStep>;
export const FUNNEL: readonly FunnelStep[] = FunnelStep.options;

/** `unknown` is never green: an unmanaged host's disk cannot be looked at. */
export const FunnelState = z.enum(['done', 'open', 'unknown', 'not-applicable']);
export type FunnelState = z.infer<typeof FunnelState>;

export const CampaignEndpoint = z.object({
  endpointId: z.string(),
  endpoint: z.string(),
  hostId: z.string(),
  hostName: z.string(),
  managed: z.boolean(),
  cause: z.enum(['vulnerable', 'shared-key']),
  via: z.string().nullable(),
  steps: z.record(FunnelStep, z.object({ state: FunnelState, why: z.string() })),
  complete: z.boolean(),
  excepted: z.boolean(),
  rekindled: z.object({ at: Instant, cause: z.string() }).nullable(),
});
export type CampaignEndpoint = z.infer<typeof CampaignEndpoint>;

export const Campaign = z.object({
  kit: z.string(),
  title: z.string(),
  /** `none`: no key ever leaked that we know of, which says nothing about what nobody looked at; then `burning` → `out` at 100 % → `rekindled` */
  state: z.enum(['none', 'burning', 'out', 'rekindled']),
  endpoints: z.array(CampaignEndpoint),
  totals: z.object({
    endpoints: z.number().int(),
    complete: z.number().int(),
    excepted: z.number().int(),
    byStep: z.record(FunnelStep, z.number().int()),
    /** complete / (endpoints − excepted), 0…1 */ share: z.number(),
  }),
  openedAt: Instant.nullable(),
  outAt: Instant.nullable(),
});
export type Campaign = z.infer<typeof Campaign>;
/** A fire that was there once. */
export type FireState = Exclude<Campaign['state'], 'none'>;
