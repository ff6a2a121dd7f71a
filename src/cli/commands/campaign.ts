import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import { FUNNEL } from '../../model/campaign.ts';
import { STEP_LABEL } from '../../model/campaign-words.ts';
import { EXIT, Exit } from '../exit.ts';
import { colours, count, list, type Output } from '../output.ts';
import { does } from '../run.ts';
import { NOBODY_LOOKED } from '../views.ts';

export function addCampaign(root: Command): void {
  does(
    root
      .command('campaign [kit]')
      .description('The fire funnel of a compromise kit: who has done every step. Exit 1 while it burns'),
    async (context, [kit]) => {
      const client = await context.client();
      if (!kit?.[0]) {
        const { items } = await client.listCampaigns();
        return list(
          context.output,
          items,
          [
            { title: 'KIT', of: (c) => c.kit },
            { title: 'STATE', of: (c) => c.state },
            { title: 'DONE', of: (c) => doneOf(c.totals) },
          ],
          'No campaigns: there is no compromise kit, or none has found anything.',
        );
      }
      const campaign = await client.getCampaign({ params: { kit: kit[0] } });
      if (context.output.json) context.output.out(JSON.stringify(campaign, null, 2));
      else if (campaign.endpoints.length === 0) await showNone(context.output, client, campaign);
      else showFunnel(context.output, campaign);
      if (campaign.state !== 'out' && campaign.endpoints.length > 0) throw new Exit(EXIT.negative);
    },
  );
}

type CampaignReply = Awaited<ReturnType<Client['getCampaign']>>;
type Totals = CampaignReply['totals'];
type FunnelRow = CampaignReply['endpoints'][number];

const LONGEST_LABEL = Math.max(...Object.values(STEP_LABEL).map((label) => label.length));

/** "2 of 6; 1 more excepted": accepted risks count neither as done nor as to be done. */
export function doneOf({ complete, endpoints, excepted }: Pick<Totals, 'complete' | 'endpoints' | 'excepted'>): string {
  return `${complete} of ${endpoints - excepted}${excepted > 0 ? `; ${excepted} more excepted` : ''}`;
}

/** Nothing found is good news only where somebody has looked. */
async function showNone(output: Output, client: Client, campaign: CampaignReply): Promise<void> {
  const hosts = (await client.countHosts()).total;
  output.out(
    hosts === 0
      ? NOBODY_LOOKED
      : `${colours(output).bold(campaign.title)}: ${campaign.state}. No endpoint of ${count(hosts, 'known host')} was found vulnerable; what nobody has looked at cannot be found: lastember hosts --unmanaged`,
  );
}

/** How many have done each step, then for every endpoint what it still lacks. */
function showFunnel(output: Output, campaign: CampaignReply): void {
  const { totals } = campaign;
  const counted = totals.endpoints - totals.excepted;
  output.out(
    `${colours(output).bold(campaign.title)}: ${campaign.state}, ${totals.complete} of ${counted} endpoints have done every step${totals.excepted ? `; ${totals.excepted} more excepted` : ''}`,
  );
  for (const step of FUNNEL) {
    const done = totals.byStep[step] ?? 0;
    const bar = '█'.repeat(counted > 0 ? Math.round((20 * done) / counted) : 20).padEnd(20, '░');
    output.out(`  ${STEP_LABEL[step].padEnd(LONGEST_LABEL)}  ${bar}  ${done} of ${counted}`);
  }
  list(
    output,
    campaign.endpoints,
    [
      { title: 'ENDPOINT', of: (row) => `${row.hostName} ${row.endpoint}`, shrink: true },
      { title: 'STILL TO DO', of: lacking, shrink: true },
      { title: 'NOTE', of: noteOf },
    ],
    'No endpoint was ever found.',
  );
}

/** What is to be done, and apart from it what nobody could look at. */
function lacking(row: FunnelRow): string {
  const of = (state: string): string =>
    FUNNEL.filter((step) => (row.steps[step]?.state ?? 'unknown') === state)
      .map((step) => STEP_LABEL[step])
      .join(', ');
  const unknown = of('unknown');
  return [of('open'), unknown && `not known: ${unknown}`].filter(Boolean).join('; ') || 'nothing';
}

function noteOf(row: FunnelRow): string {
  if (row.excepted) return 'excepted';
  if (row.rekindled) return 'rekindled';
  return row.cause === 'shared-key' ? 'shared key' : '';
}
