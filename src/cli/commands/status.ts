import type { Command } from 'commander';
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
    const [hosts, findings, feeds, exceptions, changes, campaigns, trail] = await Promise.all([
      client.listHosts(),
      client.listFindings({ query: {} }),
      client.listFeeds(),
      client.listExceptions({ query: { active: 'true' } }),
      client.listChanges(),
      client.listCampaigns(),
      client.listTrail({ query: { limit: 1 } }),
    ]);
    // An address that several machines have is none itself.
    const machines = hosts.items.filter((host) => !host.shared);
    const now = new Date();
    const burning = findings.items.filter((finding) => BURNING.includes(finding.state));
    const summary = {
      hosts: machines.length,
      unknown: machines.filter((host) => host.claim === 'unknown').length,
      managed: machines.filter((host) => host.management === 'managed').length,
      lost: hosts.items
        .filter((host) => host.management === 'lost')
        .map(({ id, name, note }) => ({ id, name, why: note })),
      burning: burning.length,
      critical: burning.filter((finding) => finding.severity === 'critical').length,
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
      ['2 enrollment', `${summary.managed} managed${summary.lost.length > 0 ? `, ${summary.lost.length} lost` : ''}`],
      ...summary.lost
        .slice(0, MOST_LOST)
        .map((host): [string, string] => [`  ${host.name}`, `lost: ${host.why ?? 'nobody knows why'}`]),
      ...more(summary.lost.length - MOST_LOST),
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
