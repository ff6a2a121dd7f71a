import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { Campaign } from '../../model/campaign.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { campaignOf, campaigns } from './campaigns.ts';
import type { Deps } from './deps.ts';

export function campaignRoutes(deps: Deps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/campaigns',
      id: 'listCampaigns',
      summary: 'Funnels of all kits that found burnt keys',
      access: MAY.read,
      reply: z.object({ items: z.array(Campaign) }),
      handler: async () => ({ items: await campaigns(deps) }),
    }),
    route({
      method: 'GET',
      path: '/campaigns/:kit',
      id: 'getCampaign',
      summary: "A kit's funnel: per endpoint, which steps are done",
      access: MAY.read,
      params: z.object({ kit: z.string() }),
      reply: Campaign,
      handler: ({ params }) => campaignOf(deps, params.kit),
    }),
  ];
}
