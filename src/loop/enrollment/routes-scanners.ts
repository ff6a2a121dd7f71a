import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { RenewReply, RenewRequest } from '../../model/agent.ts';
import { LOCAL_SITE, ScannerEnrollReply, ScannerEnrollRequest, ScannerToken, SiteName } from '../../model/site.ts';
import type { Platform } from '../../platform/context.ts';
import { route, type Route } from '../../platform/http/route.ts';
import type { Discovery } from '../discovery/index.ts';
import { authorityCertificate } from './authority.ts';
import { LAPSED_DAYS } from './renew.ts';
import { createScannerToken, enrollScanner, renewScanner, revokeScanner } from './scanners.ts';

const CALLS_PER_MINUTE = 120;

export function scannerAdminRoutes(platform: Platform, discovery: Discovery): Route[] {
  return [
    route({
      method: 'POST',
      path: '/scanners/token',
      id: 'createScannerToken',
      summary: 'A token for one scanner of a site, with the line that starts it; shown once',
      access: MAY.admin,
      body: z
        .object({
          site: SiteName.refine((site) => site !== LOCAL_SITE, 'local is this server itself'),
          minutes: z.number().int().min(1).max(525_600).default(60),
          /** the address or network that it must call from */
          for: z.string().min(1).max(60).optional(),
        })
        .strict(),
      reply: ScannerToken,
      status: 201,
      handler: ({ actor, body }) => createScannerToken(platform, actor, body),
    }),
    route({
      method: 'POST',
      path: '/scanners/:id/revoke',
      id: 'revokeScanner',
      summary: 'Refuse this scanner from now on; others go on with its work',
      access: MAY.admin,
      params: z.object({ id: z.string() }),
      body: z.object({ reason: z.string().min(3).max(500) }).strict(),
      reply: z.object({ ok: z.literal(true) }),
      handler: async ({ actor, params, body }) => {
        await revokeScanner(platform, discovery, actor, { id: params.id, reason: body.reason });
        return { ok: true as const };
      },
    }),
  ];
}

/** The scanners' side, on the mutual-TLS listener. */
export function scannerEnrollRoutes(platform: Platform, discovery: Discovery): Route[] {
  return [
    route({
      method: 'GET',
      path: '/authority',
      id: 'agentAuthority',
      summary: 'The authority that this listener’s certificate is of; whoever asks knows its digest already',
      access: 'enroll',
      limit: CALLS_PER_MINUTE,
      reply: z.object({ certificate: z.string() }),
      handler: async () => ({ certificate: await authorityCertificate(platform) }),
    }),
    route({
      method: 'POST',
      path: '/scanner/enroll',
      id: 'scannerEnroll',
      summary: 'A new scanner shows its token and certificate request',
      access: 'enroll',
      limit: CALLS_PER_MINUTE,
      body: ScannerEnrollRequest,
      reply: ScannerEnrollReply,
      handler: ({ body, ip }) => enrollScanner(platform, discovery, body, ip),
    }),
    route({
      method: 'POST',
      path: '/scanner/renew',
      id: 'scannerRenew',
      summary: 'A scanner asks for a new certificate for its key',
      access: 'scanner',
      lapsedDays: LAPSED_DAYS,
      body: RenewRequest,
      reply: RenewReply,
      handler: ({ scanner, body }) => renewScanner(platform, scanner!, body),
    }),
  ];
}
