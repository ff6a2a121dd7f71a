import type { Campaign } from '../../../../src/model/campaign.ts';
import type { Demo } from '../context.ts';
import { untilOrNull } from '../wait.ts';
import { campaignNow } from './audit.ts';
import { scanScope } from './discover.ts';
import { deploy } from './enroll.ts';
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
  account.claim(
    'F.4: at 100 % the campaign kept watching, and rekindled by itself',
    campaign.state === 'rekindled' && burning !== undefined,
    burning?.rekindled?.cause ?? campaign.state,
  );
  await deploy(demo, burning ? [burning.hostId] : [], { acceptHostKey: true });
  const told = await untilOrNull(20, async () => {
    const cause = (await campaignNow(demo)).endpoints.find(({ hostId }) => hostId === burning?.hostId)?.rekindled
      ?.cause;
    return cause?.includes(spec.image) ? cause : null;
  });
  const final = await campaignNow(demo);
  showFunnel(demo, final);
  account.claim('F.4: with an agent on it again, the image it came from is named', told !== null, told ?? '');
  return final;
}
