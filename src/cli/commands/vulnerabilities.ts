import type { Command } from 'commander';
import type {
  AffectedPackage,
  Fix,
  Vulnerabilities,
  Vulnerability,
  VulnerabilityDetail,
  VulnerabilityOnHost,
} from '../../model/vulnerability.ts';
import { UsageError } from '../exit.ts';
import { hostIdOf, short } from '../lookup.ts';
import { ago, count, list, type Output, show } from '../output.ts';
import { does, flag, number, text } from '../run.ts';

const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info', 'unknown'] as const;

export function addVulnerabilities(root: Command): void {
  const command = root
    .command('vulnerabilities')
    .description('Advisories that hosts are affected by, as feeds say, the most urgent first; `show` tells why')
    .option('--host <host>', 'only those on this host: id, name or address')
    .option('--severity <severity>', `only those that feeds call so: ${SEVERITIES.join(', ')}`)
    .option('--exploited', 'only those that are known to be exploited (KEV)')
    .option('--fixable', 'only those with a fix that can be had')
    .option('--overdue', 'only those past the time that a policy sets, on a host at least')
    .option('--accepted', 'only those that an exception accepts, for all hosts or for --host')
    .option('--for <name>', 'only this advisory, or what is in this package')
    .option('--limit <n>', 'at most so many (default: 100)')
    .option('--offset <n>', 'leave out the first so many');
  does(command, async (context, _, options) => {
    const client = await context.client();
    const host = text(options, 'host');
    const [severity, named, offset] = [
      severityOf(text(options, 'severity')),
      text(options, 'for'),
      number(options, 'offset'),
    ];
    const narrowed = {
      ...(host === undefined ? {} : { host: await hostIdOf(client, host) }),
      ...(severity === undefined ? {} : { severity }),
      ...(named === undefined ? {} : { text: named }),
      ...(flag(options, 'exploited') ? { exploited: 'true' as const } : {}),
      ...(flag(options, 'fixable') ? { fixable: 'true' as const } : {}),
      ...(flag(options, 'overdue') ? { overdue: 'true' as const } : {}),
      ...(flag(options, 'accepted') ? { accepted: 'true' as const } : {}),
    };
    const limit = number(options, 'limit') ?? 100;
    const found = (await client.listVulnerabilities({
      query: { limit, ...(offset === undefined ? {} : { offset }), ...narrowed },
    })) as Vulnerabilities;
    if (context.output.json) context.output.out(JSON.stringify(found, null, 2));
    else table(context.output, found, (offset ?? 0) + found.items.length, Object.keys(narrowed).length > 0);
  });
  addShow(command);
  addFixes(root);
}

function severityOf(given: string | undefined): (typeof SEVERITIES)[number] | undefined {
  const severity = SEVERITIES.find((one) => one === given);
  if (given !== undefined && severity === undefined)
    throw new UsageError(`--severity takes one of ${SEVERITIES.join(', ')}, not "${given}"`);
  return severity;
}

/** Why there is nothing to list. */
export function noneBecause(informed: boolean, isNarrowed: boolean, isSilent = false): string {
  if (!informed)
    return 'No feed that speaks of packages is in force, so nothing is known. Add one: lastember feed add debian --kind debian-tracker';
  if (isSilent) return 'None is listed, which proves nothing:';
  if (isNarrowed) return 'None is like that. Fewer options show more: lastember vulnerabilities';
  return 'Nothing that feeds say concerns a package that any host has, as far as its facts tell.';
}

function table(
  output: Output,
  { items, total, informed, late, silent = [] }: Vulnerabilities,
  shown: number,
  isNarrowed: boolean,
): void {
  list<Vulnerability>(
    output,
    items,
    [
      { title: 'PRIORITY', of: ({ priority }) => String(priority) },
      { title: 'ADVISORY', of: ({ advisory }) => advisory },
      { title: 'SEVERITY', of: ({ severity }) => severity, drop: 2 },
      { title: 'EXPLOITED', of: ({ exploited }) => (exploited ? 'yes' : ''), drop: 1 },
      { title: 'EPSS', of: ({ epss }) => (epss === null ? '' : epss.toFixed(3)), drop: 3 },
      { title: 'HOSTS', of: ({ hosts }) => String(hosts) },
      { title: 'DUE', of: dueInWords, drop: 4 },
      { title: 'IN', of: inWords, shrink: true },
      { title: 'FIX', of: fixInWords, shrink: true },
    ],
    noneBecause(informed, isNarrowed, silent.length > 0),
  );
  for (const why of silent) output.err(`Not known of this host: ${why}.`);
  if (late.length > 0)
    output.err(`Not up to date: ${late.join(', ')}. What is newer is not listed; why: lastember feed list`);
  if (shown < total)
    output.err(`${total - shown} more: raise --limit, go on with --offset ${shown}, or narrow it down.`);
}

/** The day, and what that means now. */
function dueInWords({
  dueAt,
  overdue,
  acceptedUntil,
  overdueHosts,
}: Pick<Vulnerability, 'dueAt' | 'overdue' | 'acceptedUntil'> & { overdueHosts?: number | null }): string {
  if (acceptedUntil !== null) return `accepted until ${day(acceptedUntil)}`;
  if (dueAt === null) return '';
  if (!overdue) return day(dueAt);
  return `${day(dueAt)}, overdue${overdueHosts ? ` on ${overdueHosts}` : ''}`;
}

const day = (at: string): string => at.slice(0, 10);

const inWords = ({ packages, here }: Vulnerability): string =>
  here?.map(({ name, version }) => `${name} ${version}`).join(', ') ?? packages.join(', ');

function fixInWords({ fixable, here, plannedIn }: Vulnerability): string {
  const fixes = [
    ...new Set((here ?? []).flatMap(({ fix, unavailable }) => (fix === null ? [] : butNot(fix, unavailable)))),
  ];
  const planned = plannedIn ? `, planned in ${short(plannedIn)}` : '';
  return fixes.length > 0 ? fixes.join(', ') + planned : fixable ? 'yes' : 'none';
}

const butNot = (fix: string, unavailable: string | undefined): string =>
  unavailable === undefined ? fix : `${fix} (${unavailable})`;

function addShow(command: Command): void {
  does(
    command
      .command('show <advisory>')
      .description('One advisory: what each feed says, the factors of its priority, and the hosts that have or had it')
      .option('--limit <n>', 'at most so many hosts (default: 100)'),
    async (context, [advisory], options) => {
      const found = (await (
        await context.client()
      ).showVulnerability({
        params: { advisory: advisory![0]! },
        query: { limit: number(options, 'limit') ?? 100 },
      })) as VulnerabilityDetail;
      if (context.output.json) context.output.out(JSON.stringify(found, null, 2));
      else detail(context.output, found);
    },
  );
}

function detail(output: Output, found: VulnerabilityDetail): void {
  const { advisory, items, exploited, said, hosts, more } = found;
  show(output, null, [
    ['advisory', advisory],
    ['exploited', exploited ? `since ${exploited.added} at the latest: ${exploited.title}` : 'not known to be'],
  ]);
  for (const item of items) {
    output.out(`\n${item.advisory}: priority ${item.priority}, ${count(item.hosts, 'host')}`);
    list(
      output,
      item.factors,
      [
        { title: 'FACTOR', of: ({ name }) => name },
        { title: 'TIMES', of: ({ times }) => String(times) },
        { title: 'WHY', of: ({ why }) => why, shrink: true },
      ],
      '',
    );
  }
  output.out('');
  list(
    output,
    said,
    [
      { title: 'FEED', of: ({ feed }) => feed },
      { title: 'OF', of: ({ ecosystem, release }) => (release === null ? ecosystem : `${ecosystem} ${release}`) },
      { title: 'PACKAGE', of: (one) => one.package, shrink: true },
      { title: 'SAYS', of: ({ status }) => status },
      { title: 'FIXED IN', of: ({ fixed }) => fixed ?? '' },
      {
        title: 'MORE',
        of: ({ urgency, reason }) => [urgency, reason].filter(Boolean).join('; '),
        shrink: true,
        drop: 1,
      },
    ],
    'No feed speaks of it any more.',
  );
  output.out('');
  list(
    output,
    hosts,
    [
      { title: 'HOST', of: ({ hostName }) => hostName, shrink: true },
      { title: 'STATE', of: stateInWords, shrink: true },
      {
        title: 'SURE',
        of: ({ confidence }) => (confidence === null ? '' : `${Math.round(confidence * 100)} %`),
        drop: 2,
      },
      { title: 'SINCE', of: ({ rekindledAt, openedAt }) => ago(rekindledAt ?? openedAt) },
      { title: 'DUE', of: (one) => dueInWords({ ...one, acceptedUntil: one.accepted?.until ?? null }), drop: 1 },
      {
        title: 'WHAT',
        of: ({ packages }) => packages.map((one) => `${one.name} ${one.version}`).join(', '),
        shrink: true,
      },
      {
        title: 'WHY',
        of: ({ packages, setAside }) =>
          [...new Set(packages.map(whyInWords)), ...(setAside === null ? [] : [`but ${setAside}`])].join('; '),
        shrink: true,
      },
    ],
    'No host that we know of is affected.',
  );
  if (more) output.err('There are more hosts: raise --limit.');
}

const whyInWords = ({ why, unavailable }: AffectedPackage): string =>
  unavailable === undefined ? why : `${why}, but ${unavailable}`;

const stateInWords = ({ state, stale, plannedIn }: VulnerabilityOnHost): string =>
  [state, stale ? 'stale' : null, plannedIn === null ? null : `planned in ${short(plannedIn)}`]
    .filter((one) => one !== null)
    .join(', ');

function addFixes(root: Command): void {
  does(
    root
      .command('fixes')
      .description('What one would do: packages to bring to which version, what that fixes where, and what to restart')
      .option('--host <host>', 'only those that this host needs: id, name or address')
      .option('--limit <n>', 'at most so many (default: 50)'),
    async (context, _, options) => {
      const client = await context.client();
      const host = text(options, 'host');
      const found = (await client.listFixes({
        query: {
          limit: number(options, 'limit') ?? 50,
          ...(host === undefined ? {} : { host: await hostIdOf(client, host) }),
        },
      })) as { items: Fix[]; more: boolean };
      if (context.output.json) return context.output.out(JSON.stringify(found, null, 2));
      list(
        context.output,
        found.items,
        [
          { title: 'PRIORITY', of: ({ priority }) => String(priority) },
          { title: 'PACKAGE', of: ({ source }) => source, shrink: true },
          { title: 'FROM', of: ({ from }) => from, shrink: true },
          { title: 'TO', of: ({ to, unavailable }) => butNot(to, unavailable), shrink: true },
          { title: 'FIXES', of: ({ advisories }) => String(advisories.length) },
          { title: 'HOSTS', of: ({ hosts }) => String(hosts) },
          {
            title: 'RESTARTS',
            of: ({ restarts }) => restarts.map((one) => `${one.unit} on ${one.hosts}`).join(', '),
            shrink: true,
            drop: 1,
          },
        ],
        'There is nothing to fix that feeds know a fix for. What they know: lastember feed list',
      );
      if (found.more) context.output.err('There are more: raise --limit.');
    },
  );
}
