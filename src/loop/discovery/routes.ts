import type { Platform } from '../../platform/context.ts';
import type { Route } from '../../platform/http/route.ts';
import { hostRoutes, type LookNow } from './routes-hosts.ts';
import { patrolRoutes } from './routes-patrols.ts';
import { scanRoutes } from './routes-scans.ts';
import type { SiteTimes } from './sites/lease.ts';
import { sourceRoutes } from './routes-sources.ts';
import { estateRoutes } from './routes-unknown.ts';

export function discoveryRoutes(platform: Platform, times: SiteTimes, look: LookNow): Route[] {
  return [
    ...scanRoutes(platform, times),
    ...patrolRoutes(platform),
    ...hostRoutes(platform, look),
    ...sourceRoutes(platform),
    ...estateRoutes(platform),
  ];
}
