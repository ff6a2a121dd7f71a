import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import { BURNING } from '../../model/finding.ts';
import { doctor } from '../doctor.ts';
import { EXIT, Exit } from '../exit.ts';
import { feedsInWords, type FeedTrouble, troubleOf } from '../feeds-health.ts';
import { colours, count, list, show } from '../output.ts';
import { does } from '../run.ts';
import { doneOf } from './campaign.ts';

interface Looked {
  hosts: number;
  managed: number;
  burning: number;
  critical: number;
}

/** As many lost hosts as one glance takes in. */
const MOST_LOST = 5;
const MOST_TROUBLED = 5;
const more = (n: number): [string, string][] => (n > 0 ? [['', `and ${n} more: lastember hosts --unmanaged`]] : []);

/** No fire is an answer only where somebody looked. */
function auditInWords({ hosts, managed, burning, critical }: Looked): string {
  if (hosts === 0) return 'nothing was looked at yet; begin with: lastember scope add, then lastember scan';
  const burns = `${count(burning, 'finding burns', 'findings burn')}, ${critical} critical`;
  return managed === 0 ? `${burns}; no host was looked into yet: lastember deploy --unknown` : burns;
}

/** All of them for programs; people are shown the first ones, and how many more there are. */
const lostHosts = async (client: Client, all: boolean) =>
  (await client.listHosts({ query: { management: 'lost', ...(all ? {} : { limit: MOST_LOST }) } })).items;

interface FeedsLooked {
  feeds: number;
  troubledFeeds: readonly FeedTrouble[];
}

const feedLines = ({ feeds, troubledFeeds }: FeedsLooked): [string, string][] => [
  ['  feeds', feedsInWords(feeds, troubledFeeds.length)],
  ...troubledFeeds
    .slice(0, MOST_TROUBLED)
    .map(({ name, why, next }): [string, string] => [`  ${name}`, `${why}; next: ${next}`]),
  ...(troubledFeeds.length > MOST_TROUBLED
    ? [['', `and ${troubledFeeds.length - MOST_TROUBLED} more: lastember feed list`] as [string, string]]
    : []),
];

export function addStatus(root: Command): void {
  does(root.command('status').description('The loop at a glance'), async (context) => {
    const client = await context.client();
    const [machines, findings, feeds, exceptions, changes, campaigns, trail] = await Promise.all([
      client.countHosts(),
      client.countFindings({ query: { state: [...BURNING] } }),
      client.listFeeds(),
      client.listExceptions({ query: { active: 'true' } }),
      client.listChanges(),
      client.listCampaigns(),
      client.listTrail({ query: { limit: 1 } }),
    ]);
    const lost = machines.lost === 0 ? [] : await lostHosts(client, context.output.json);
    const now = new Date();
    const summary = {
      hosts: machines.total,
      unknown: machines.unknown,
      managed: machines.managed,
      lost: lost.map(({ id, name, note }) => ({ id, name, why: note })),
      burning: findings.total,
      critical: findings.items.reduce((sum, kind) => sum + (kind.severity === 'critical' ? kind.findings : 0), 0),
      feeds: feeds.items.length,
      troubledFeeds: feeds.items.flatMap((feed) => troubleOf(feed, now) ?? []),
      exceptions: exceptions.items.length,
      awaitingApproval: changes.items
        .filter((change) => change.state === 'awaiting-approval')
        .map((change) => change.id),
      running: changes.items
        .filter((change) => ['running', 'verifying', 'paused'].includes(change.state))
        .map((change) => change.id),
      campaigns: campaigns.items.map(({ kit, state, totals }) => ({
        kit,
        state,
        complete: totals.complete,
        endpoints: totals.endpoints,
        excepted: totals.excepted,
      })),
      trail: trail.total,
    };
    show(context.output, summary, [
      ['1 discovery', `${count(summary.hosts, 'host')}, ${summary.unknown} that nobody claimed`],
      ['2 enrollment', `${summary.managed} managed${machines.lost > 0 ? `, ${machines.lost} lost` : ''}`],
      ...summary.lost
        .slice(0, MOST_LOST)
        .map((host): [string, string] => [`  ${host.name}`, `lost: ${host.why ?? 'nobody knows why'}`]),
      ...more(machines.lost - MOST_LOST),
      ['3 audit', auditInWords(summary)],
      ...feedLines(summary),
      ['4 impact', `${count(summary.exceptions, 'exception')} in force`],
      [
        '5 change',
        `${count(summary.awaitingApproval.length, 'waits', 'wait')} for approval, ${summary.running.length} running`,
      ],
      ...summary.campaigns.map((c): [string, string] => [`  ${c.kit}`, `${c.state}: ${doneOf(c)}`]),
      ['6 trail', count(summary.trail, 'entry', 'entries')],
    ]);
  });
  does(
    root
      .command('doctor')
      .description('Is everything that Lastember needs in order? Says what to do where it is not; exit 1 then'),
    async (context) => {
      const checks = await doctor(context);
      const c = colours(context.output);
      if (context.output.json) list(context.output, checks, [], '');
      else
        for (const check of checks)
          context.output.out(
            `${check.ok ? c.green('ok  ') : c.red('FIX ')} ${check.what}: ${check.found}${check.ok ? '' : `\n     → ${check.fix}`}`,
          );
      if (checks.some((check) => !check.ok)) throw new Exit(EXIT.negative);
    },
  );
}
