import type { Campaign } from '../../../../src/model/campaign.ts';
import type { Demo } from '../context.ts';
import { untilOrNull } from '../wait.ts';
import { campaignNow } from './audit.ts';
import { scanScope } from './discover.ts';
import { showFunnel } from './verify.ts';

const REBUILT = 'partner-api';

/** After 100 %, a machine is built again from an old image; the next scan must notice. */
export async function rekindle(demo: Demo): Promise<Campaign> {
  const { account, estate } = demo;
  const { address, spec } = await estate.recreate(REBUILT);
  account.say(`${REBUILT} was thrown away and built again from image ${spec.image} at ${address}`);
  await scanScope(demo);
  const back = await untilOrNull(30, async () => {
    const campaign = await campaignNow(demo);
    return campaign.state === 'rekindled' ? campaign : null;
  });
  const campaign = back ?? (await campaignNow(demo));
  const burning = campaign.endpoints.find(({ endpoint, rekindled }) => rekindled && endpoint.startsWith(`${address}:`));
  showFunnel(demo, campaign);
  account.claim(
    'F.4: the campaign rekindled by itself and says where it came from',
    campaign.state === 'rekindled' && Boolean(burning?.rekindled?.cause),
    burning?.rekindled?.cause ?? campaign.state,
  );
  return campaign;
}
