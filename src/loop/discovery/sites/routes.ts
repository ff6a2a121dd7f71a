import * as z from 'zod';
import { MAY } from '../../../model/actor.ts';
import { AppError } from '../../../model/errors/index.ts';
import { LeaseReply, LeaseRequest, PortionReply, PortionReport, Scanner, Site } from '../../../model/site.ts';
import { route, type Route } from '../../../platform/http/route.ts';
import type { Ageing } from '../results.ts';
import { leaseTo, type Sites } from './lease.ts';
import { listScanners, listSites } from './lists.ts';
import { takeReport } from './report.ts';

/** Results of a few dozen addresses. */
const REPORT_LIMIT = 16 * 1024 * 1024;

export function siteRoutes({ platform, times }: Sites): Route[] {
  return [
    route({
      method: 'GET',
      path: '/sites',
      id: 'listSites',
      summary: 'Remote sites that scopes are for or that have scanners',
      access: MAY.read,
      reply: z.object({ items: z.array(Site) }),
      handler: async () => ({ items: await listSites(platform, times) }),
    }),
    route({
      method: 'GET',
      path: '/sites/:name',
      id: 'getSite',
      summary: 'One site, with its scanners and what each works on',
      access: MAY.read,
      params: z.object({ name: z.string().max(60) }),
      reply: z.object({ site: Site, scanners: z.array(Scanner) }),
      handler: async ({ params: { name } }) => {
        const site = (await listSites(platform, times)).find((one) => one.name === name);
        if (!site) throw new AppError('NOT_FOUND', { what: 'site', id: name, list: 'sites list' });
        return { site, scanners: (await listScanners(platform, times)).filter((one) => one.site === name) };
      },
    }),
    route({
      method: 'GET',
      path: '/scanners',
      id: 'listScanners',
      summary: 'Scanners at remote sites, when each was last heard of, and what it works on',
      access: MAY.read,
      reply: z.object({ items: z.array(Scanner) }),
      handler: async () => ({ items: await listScanners(platform, times) }),
    }),
  ];
}

/** The scanners' side, on the mutual-TLS listener. */
export function scannerRoutes(sites: Sites, ageing: Ageing): Route[] {
  return [
    route({
      method: 'POST',
      path: '/scanner/lease',
      id: 'scannerLease',
      summary: 'A scanner is there, and asks for a portion of a scan of its site',
      access: 'scanner',
      body: LeaseRequest,
      reply: LeaseReply,
      handler: ({ scanner, body }) => leaseTo(sites, scanner!, body),
    }),
    route({
      method: 'POST',
      path: '/scanner/report',
      id: 'scannerReport',
      summary: 'A scanner tells what it found in its portion, and hears whether it may go on',
      access: 'scanner',
      body: PortionReport,
      reply: PortionReply,
      bodyLimit: REPORT_LIMIT,
      handler: ({ scanner, body }) => takeReport(sites, ageing, scanner!, body),
    }),
  ];
}
