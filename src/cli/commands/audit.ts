import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import { BURNING, type FindingState } from '../../model/finding.ts';
import type { Context } from '../context.ts';
import { EXIT, Exit, UsageError } from '../exit.ts';
import { findingIdOf, hostIdOf, short } from '../lookup.ts';
import { ago, count, list, show } from '../output.ts';
import { does, text } from '../run.ts';
import { NOBODY_LOOKED } from '../views.ts';

const STATES: readonly FindingState[] = ['open', 'excepted', 'planned', 'fixed', 'rekindled'];

export function addAudit(root: Command): void {
  does(
    root.command('audit [host...]').description('Ask for fresh facts and judge all kits on them (default: every host)'),
    async (context, [hosts]) => {
      const client = await context.client();
      const hostIds = hosts?.length ? await Promise.all(hosts.map((host) => hostIdOf(client, host))) : undefined;
      const done = await client.startAudit({ body: hostIds ? { hostIds } : {} });
      show(context.output, done, [
        ['judged', count(done.hosts, 'host')],
        ['asked', `${count(done.asked, 'agent')} for fresh facts`],
        ['next', 'lastember findings'],
      ]);
    },
  );
  addFindings(root);
  does(
    root
      .command('affected <query>')
      .description(
        'Which hosts does this concern? A CVE, a kit or a package URL; from stored inventory, at once. Exit 1 when there are any',
      ),
    async (context, [query]) => {
      const client = await context.client();
      const found = await client.getAffected({ query: { q: query![0]! } });
      if (context.output.json) context.output.out(JSON.stringify(found, null, 2));
      else if (found.hosts.length > 0 || found.unknown.length > 0 || (await client.listHosts()).items.length > 0)
        affectedTable(context.output, found);
      else context.output.out(NOBODY_LOOKED);
      if (found.hosts.length > 0) throw new Exit(EXIT.negative);
    },
  );
}

type Affected = Awaited<ReturnType<Client['getAffected']>>;

function affectedTable(output: Parameters<typeof list>[0], found: Affected): void {
  list(
    output,
    found.hosts,
    [
      { title: 'HOST', of: (item) => item.hostName, shrink: true },
      { title: 'WHAT', of: (item) => item.what, shrink: true },
      { title: 'STATE', of: (item) => item.state },
      { title: 'WHY', of: (item) => item.why, shrink: true },
    ],
    noneAffected(found),
  );
  for (const host of found.unknown) output.err(`not known: ${host.hostName}: ${host.why}`);
}

function noneAffected({ unknown }: Affected): string {
  if (unknown.length === 0) return 'Nothing that we know of is affected.';
  return `Nothing that we know of is affected, but of ${count(unknown.length, 'host')} it is not known, for the reasons given. Where nobody has looked: lastember deploy --unknown, then lastember audit`;
}

type FindingItem = Awaited<ReturnType<Client['listFindings']>>['items'][number];

async function showFindings(context: Context, client: Client, items: FindingItem[], asked: Asked): Promise<void> {
  if (items.length === 0 && !context.output.json) return context.output.out(await nothing(client, asked));
  list(
    context.output,
    items,
    [
      { title: 'SEVERITY', of: (f) => f.severity },
      { title: 'STATE', of: (f) => f.state },
      { title: 'HOST', of: (f) => f.hostName, shrink: true },
      { title: 'WHERE', of: (f) => f.endpoint ?? f.component, shrink: true },
      { title: 'CHECK', of: (f) => `${f.kit}/${f.check}`, shrink: true },
      { title: 'SINCE', of: (f) => ago(f.openedAt), drop: 2 },
      { title: 'PENDING', of: (f) => f.pending ?? '', shrink: true, drop: 1 },
      { title: 'ID', of: (f) => short(f.id) },
    ],
    '',
  );
}

/** "Nothing burns" is good news only where somebody looked, and knew what to make of what was there. */
async function nothing(client: Client, { kit, cve, filtered }: Asked): Promise<string> {
  const hosts = (await client.listHosts()).items;
  if (hosts.length === 0) return NOBODY_LOOKED;
  const outside = hosts.filter((host) => host.management !== 'managed');
  const untold = await untoldOf(client, kit ?? cve);
  for (const { id } of outside) untold.delete(id);
  if (outside.length === 0 && untold.size === 0) return filtered ? 'No finding fits.' : 'Nothing burns.';
  const said = filtered ? 'No finding fits.' : 'Nothing burns, as far as anybody looked.';
  const reserves = [...seenOutside(outside.length, hosts.length), ...unjudged(untold.size, kit ?? cve ?? 'KIT')];
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

/** Hosts of which a kit cannot tell whether their packages are affected. */
async function untoldOf(client: Client, asked: string | undefined): Promise<Set<string>> {
  const queries = asked === undefined ? (await client.listKits()).items.map(({ kit }) => kit.kit) : [asked];
  const answers = await Promise.all(queries.map((q) => client.getAffected({ query: { q } })));
  return new Set(answers.flatMap(({ unknown }) => unknown.map((host) => host.hostId)));
}

function addFindings(root: Command): void {
  const findings = root
    .command('findings')
    .description('What is wrong, and what is pending')
    .option('--kit <kit>', 'of this kit')
    .option('--cve <id>', 'about this CVE or advisory')
    .option('--host <host>', 'on this host')
    .option('--state <state>', `${STATES.join(', ')} (default: what burns)`)
    .option('--all', 'whatever their state');
  does(findings, async (context, _, options) => {
    const client = await context.client();
    const state = text(options, 'state');
    if (state && !(STATES as readonly string[]).includes(state))
      throw new UsageError(`--state takes ${STATES.join(', ')}`);
    const [kit, cve, host] = [text(options, 'kit'), text(options, 'cve'), text(options, 'host')];
    const { items } = await client.listFindings({
      query: {
        ...(kit ? { kit } : {}),
        ...(cve ? { cve } : {}),
        ...(host ? { host: await hostIdOf(client, host) } : {}),
        ...(state ? { state: state as FindingState } : {}),
      },
    });
    const burning = state || options['all'] ? items : items.filter((item) => BURNING.includes(item.state));
    const filtered = [kit, cve, host, state].some((filter) => filter !== undefined);
    await showFindings(context, client, burning, { kit, cve, filtered });
  });
  does(findings.command('show <id>').description('One finding with its evidence'), async (context, [id]) => {
    const client = await context.client();
    const finding = await client.getFinding({ params: { id: await findingIdOf(client, id![0]!) } });
    show(context.output, finding, [
      ['finding', `${finding.title} (${finding.id})`],
      ['state', finding.state],
      ['severity', `${finding.severity}, confidence ${Math.round(finding.confidence * 100)} %`],
      ['where', `${finding.hostName} ${finding.endpoint ?? finding.component}`],
      ['check', `${finding.kit} ${finding.kitVersion}, ${finding.check}`],
      ['evidence', JSON.stringify(finding.evidence)],
      ...(finding.pending ? [['pending', finding.pending] as [string, string]] : []),
      ...(finding.rekindleCause ? [['rekindled', finding.rekindleCause] as [string, string]] : []),
    ]);
  });
}
