import { type Command, Option } from 'commander';
import type { Client } from '../../client/client.ts';
import { typeInWords } from '../../model/entry-words.ts';
import { BURNING, FindingState } from '../../model/finding.ts';
import { Severity } from '../../model/kit.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../exit.ts';
import { findingIdOf, hostIdOf, short } from '../lookup.ts';
import { ago, count, list, show } from '../output.ts';
import { does, flag, type Options, text } from '../run.ts';
import { NOBODY_LOOKED } from '../views.ts';

const STATES: readonly FindingState[] = FindingState.options;

type FindingItem = Awaited<ReturnType<Client['listFindings']>>['items'][number];

async function showFindings(context: Context, client: Client, items: FindingItem[], asked: Asked): Promise<void> {
  if (items.length === 0 && !context.output.json) return context.output.out(await nothing(client, asked));
  list(
    context.output,
    items,
    [
      { title: 'SEVERITY', of: (f) => f.severity },
      { title: 'STATE', of: (f) => (f.stale ? `stale (${f.state})` : f.state) },
      { title: 'HOST', of: (f) => f.hostName, shrink: true },
      { title: 'WHERE', of: (f) => f.endpoint ?? f.component, shrink: true },
      { title: 'CHECK', of: (f) => `${f.kit}/${f.check}`, shrink: true },
      { title: 'SINCE', of: (f) => ago(f.openedAt), drop: 2 },
      { title: 'DUE', of: due },
      { title: 'PENDING', of: standing, shrink: true, drop: 1 },
      { title: 'ID', of: (f) => short(f.id) },
    ],
    '',
  );
  if (!context.output.json) for (const warning of unremedied(items)) context.output.out(warning);
}

/** What is missing until it is closed; of what was set aside, why it was. */
const standing = ({ state, pending, closeReason }: FindingItem): string =>
  (state === 'not-applicable' ? closeReason : pending) ?? '';

const MOST_NAMED = 8;

/** Which of the rules that fail no kit puts right: a change of them would have nothing to do. */
export function unremedied(items: readonly Pick<FindingItem, 'kit' | 'check' | 'state' | 'remediable'>[]): string[] {
  const left = items.filter(({ remediable, state }) => !remediable && BURNING.includes(state));
  if (left.length === 0) return [];
  const checks = [...new Set(left.map(({ kit, check }) => `${kit}/${check}`))];
  const more = checks.length > MOST_NAMED ? ` and ${checks.length - MOST_NAMED} more` : '';
  return [
    `No remediation: ${left.length} of these ${left.length === 1 ? 'is' : 'are'} for a person to put right (${checks.slice(0, MOST_NAMED).join(', ')}${more}). How: lastember findings show ID`,
  ];
}

/** "Nothing burns" is good news only where somebody looked, and knew what to make of what was there. */
async function nothing(client: Client, { kit, cve, filtered }: Asked): Promise<string> {
  const hosts = await client.countHosts();
  if (hosts.total === 0) return NOBODY_LOOKED;
  const outside = hosts.total - hosts.managed;
  const unknown = (await client.countUnjudged({ query: given({ kit, cve }) })).hosts;
  if (outside === 0 && unknown === 0) return filtered ? 'No finding fits.' : 'Nothing burns.';
  const said = filtered ? 'No finding fits.' : 'Nothing burns, as far as anybody looked.';
  const reserves = [...seenOutside(outside, hosts.total), ...unjudged(unknown, kit ?? cve ?? 'KIT')];
  return [said, ...reserves].join(reserves.length > 1 ? '\n' : ' ');
}

function seenOutside(some: number, all: number): string[] {
  if (some === 0) return [];
  return [
    `${some} of ${count(all, 'host')} ${some === 1 ? 'was' : 'were'} seen from outside only, never inside: lastember deploy --unknown, then lastember audit`,
  ];
}

function unjudged(some: number, query: string): string[] {
  if (some === 0) return [];
  return [
    `Of ${count(some, 'host')} it is not known whether ${some === 1 ? 'its' : 'their'} packages are affected: lastember affected ${query}`,
  ];
}

interface Asked {
  kit?: string | undefined;
  cve?: string | undefined;
  filtered: boolean;
}

function due({ dueAt, overdue }: FindingItem): string {
  if (!dueAt) return '';
  return `${dueAt.slice(0, 10)}${overdue ? ' OVERDUE' : ''}`;
}

export function addFindings(root: Command): void {
  const findings = root
    .command('findings')
    .description('What is wrong, and what is pending')
    .option('--kit <kit>', 'of this kit')
    .option('--cve <id>', 'about this CVE or advisory')
    .option('--host <host>', 'on this host')
    .option('--owner <owner>', 'on hosts of this owner')
    .option('--state <state>', `${STATES.join(', ')} (default: what burns)`)
    .addOption(new Option('--severity <severity>', 'as severe as this').choices(Severity.options))
    .option('--overdue', 'whose time is over, by the policies that hold')
    .option('--stale', 'on hosts that report no longer')
    .option('--drift', 'of checks that the host passed before')
    .addOption(new Option('--sort <by>', 'the soonest to end first, or the most severe').choices(['due', 'worst']))
    .option('--all', 'whatever their state')
    .option('--limit <n>', 'at most so many, up to 1000 (default: all)');
  does(findings, listFindings);
  does(
    findings.command('show <id>').description('One finding with its evidence, its clocks and what became of it'),
    showFinding,
  );
}

const FLAGS = ['overdue', 'stale', 'drift'] as const;

async function listFindings(context: Context, _: string[][], options: Options): Promise<void> {
  const client = await context.client();
  const state = text(options, 'state');
  if (state && !(STATES as readonly string[]).includes(state))
    throw new UsageError(`--state takes ${STATES.join(', ')}`);
  const [kit, cve, host, owner, limit] = ['kit', 'cve', 'host', 'owner', 'limit'].map((name) => text(options, name));
  const flags = FLAGS.filter((name) => flag(options, name));
  const sort = text(options, 'sort');
  const severity = text(options, 'severity') as Severity | undefined;
  const { items, more } = await client.listFindings({
    query: {
      ...given({ kit, cve, owner, limit }),
      ...(host ? { host: await hostIdOf(client, host) } : {}),
      ...statesOf(state as FindingState | undefined, Boolean(options['all'])),
      ...Object.fromEntries(flags.map((name) => [name, 'true'])),
      ...(severity ? { severity } : {}),
      ...(sort ? { sort: sort as 'due' | 'worst' } : {}),
    },
  });
  const filtered = [kit, cve, host, owner, state, severity, ...flags].some((filter) => filter !== undefined);
  await showFindings(context, client, items, { kit, cve, filtered });
  if (more) context.output.err('There are more: raise --limit, or narrow it down.');
}

const given = (asked: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(asked).flatMap(([name, value]) => (value ? [[name, value]] : [])));

function statesOf(state: FindingState | undefined, all: boolean): { state?: FindingState | FindingState[] } {
  if (state) return { state };
  return all ? {} : { state: [...BURNING] };
}

async function showFinding(context: Context, [id]: string[][]): Promise<void> {
  const client = await context.client();
  const finding = await client.getFinding({ params: { id: await findingIdOf(client, id![0]!) } });
  const [planned, excepted, trail, source] = await Promise.all([
    plannedIn(client, finding),
    exceptedUntil(client, finding),
    client.listTrail({ query: { subject: `finding:${finding.id}`, limit: MOST_TOLD } }),
    BURNING.includes(finding.state)
      ? client.getLikelySource({ query: { kit: finding.kit, check: finding.check } })
      : null,
  ]);
  const { facts, ...values } = finding.evidence;
  const history = trail.items.toReversed().map(({ entry }) => ({
    at: entry.at,
    what: typeInWords(entry.type),
    reason: entry.reason ?? causeIn(entry.detail, finding.id),
    entry: entry.id,
  }));
  show(context.output, { ...finding, history, plannedIn: planned, exceptedUntil: excepted, likelySource: source }, [
    ['finding', `${finding.title} (${finding.id})`],
    ['state', finding.stale ? `${finding.state}; stale: the host reports no longer` : finding.state],
    ['severity', `${finding.severity}, confidence ${Math.round(finding.confidence * 100)} %`],
    ['where', `${finding.hostName} ${finding.endpoint ?? finding.component}`],
    ['owner', finding.owner ?? 'nobody'],
    ['check', `${finding.kit} ${finding.kitVersion}, ${finding.check}`],
    ...clocks(finding, planned, excepted),
    ['seen', JSON.stringify(values)],
    ...Object.entries((facts ?? {}) as Record<string, string>).map(([section, hash]): [string, string] => [
      'by facts',
      `${section} ${hash}`,
    ]),
    ...driftLines(finding),
    ...line('pending', finding.pending),
    ...line('rekindled', finding.rekindleCause),
    ...(source?.items ?? []).map(({ text: why }): [string, string] => ['likely source', why]),
    ...line(
      'remediation',
      finding.closedAt === null && !finding.remediable ? 'none: a person has to put it right' : null,
    ),
    ...line('by hand', finding.closedAt === null ? finding.byHand : null),
    ...line('closed', finding.closeReason),
    ...history.map(({ at, what, reason }): [string, string] => [
      'history',
      [at, what, reason].filter(Boolean).join(': '),
    ]),
  ]);
}

const MOST_TOLD = 50;
const line = (name: string, value: string | null | undefined): [string, string][] => (value ? [[name, value]] : []);

function clocks(finding: FindingItem, planned: Planned, excepted: string | null): [string, string][] {
  const { openedAt, lastSeenAt, clockFrom, dueAt, overdue, closedAt } = finding;
  return [
    ['first seen', openedAt],
    ['last seen', lastSeenAt],
    ...(clockFrom && clockFrom !== openedAt ? line('counts since', clockFrom) : []),
    ...line('due', dueAt && (overdue ? `${dueAt}: overdue` : dueAt)),
    ...line('excepted until', excepted),
    ...line(
      'planned in',
      planned &&
        [`${planned.title} (${planned.id})`, planned.state, planned.startAt && `starts ${planned.startAt}`]
          .filter(Boolean)
          .join(', '),
    ),
    ...line('closed at', closedAt),
  ];
}

function driftLines({ drift }: FindingItem): [string, string][] {
  if (drift === null) return [];
  const values = drift.values.map(
    ({ what, before, after }) => `${what} was ${before ?? 'nothing'}, is ${after ?? 'nothing'}`,
  );
  return [['drifted', `passed until ${drift.at}${values.length > 0 ? `: ${values.join('; ')}` : ''}`]];
}

type Planned = { id: string; title: string; state: string; startAt: string | null } | null;

async function plannedIn(client: Client, { state, changeId }: FindingItem): Promise<Planned> {
  if (state !== 'planned' || changeId === null) return null;
  const { id, title, state: at, startAt } = await client.getChange({ params: { id: changeId } });
  return { id, title, state: at, startAt };
}

async function exceptedUntil(client: Client, { state, exceptionId }: FindingItem): Promise<string | null> {
  if (state !== 'excepted' || exceptionId === null) return null;
  const { items } = await client.listExceptions({ query: {} });
  const found = items.find((one) => one.id === exceptionId);
  return found ? `${found.expiresAt}, ${found.reason} (${found.owner})` : null;
}

/** Why, where the entry tells it of this finding among others. */
function causeIn(detail: unknown, id: string): string | null {
  const { findings } = (detail ?? {}) as { findings?: unknown };
  if (!Array.isArray(findings)) return null;
  const own = (findings as { id?: string; reason?: unknown; cause?: unknown }[]).find((one) => one.id === id);
  const why = own?.reason ?? own?.cause;
  return typeof why === 'string' ? why : null;
}
