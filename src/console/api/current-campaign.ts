import type { Campaign } from '../../model/campaign.ts';

/** The campaign to look at: one that still burns, else the first; none where nothing was ever found. */
export function currentCampaign(campaigns: readonly Campaign[]): Campaign | undefined {
  const some = campaigns.filter((campaign) => campaign.totals.endpoints > 0);
  return some.find((campaign) => campaign.state !== 'out') ?? some[0];
}
