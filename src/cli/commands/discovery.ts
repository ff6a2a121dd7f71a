import { type DeviceGuess, guessInWords, reasonInWords } from '../../model/guess.ts';
import { portName } from '../../model/endpoint-name.ts';
import type { Host } from '../../model/estate.ts';
import type { Client } from '../../client/client.ts';
import { bannerInWords } from '../../model/banner-words.ts';
import type { ProbeResult } from '../../model/probe.ts';
import { endpointInWords } from '../../model/probe-words.ts';
import type { SnapFact } from '../../model/facts.ts';
import { NOBODY_JUDGES, snapsInWords } from '../../model/snap-words.ts';
import { minute } from '../../model/scan-words.ts';
import { seenAt } from '../../model/seen.ts';
import { oneLine } from '../../model/text.ts';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { EXIT, Exit, UsageError } from '../exit.ts';
import { ago, list, show } from '../output.ts';
import { hostIdOf, short } from '../lookup.ts';
import { addIdentity, addUnknown } from './identity.ts';
import { does, flag, instant, pair, text } from '../run.ts';
import { standardInput } from '../targets-file.ts';
import { addScan, addScans } from './scans.ts';
import { addScope } from './scopes.ts';

export function addDiscovery(root: Command): void {
  addScope(root);
  addScan(root);
  addScans(root);
  addHosts(root);
  addUnknown(root);
  addRematch(root);
}

function addHosts(root: Command): void {
  const hosts = root
    .command('hosts')
    .description('Hosts that any source saw')
    .option('--unknown', 'only those nobody claimed')
    .option('--unmanaged', 'only those without an agent that reports')
    .option('--tag <k=v>', 'only with this tag');
  does(hosts, async (context, _, options) => {
    const query = {
      ...(flag(options, 'unknown') ? { claim: 'unknown' as const } : {}),
      ...(text(options, 'tag') ? { tag: text(options, 'tag')! } : {}),
    };
    const found = (await (await context.client()).listHosts({ query })).items;
    const items = flag(options, 'unmanaged') ? found.filter((host) => host.management !== 'managed') : found;
    list(
      context.output,
      items,
      [
        { title: 'NAME', of: (h) => h.name, shrink: true },
        { title: 'ADDRESS', of: (h) => h.addresses.join(', '), shrink: true },
        { title: 'CLAIM', of: (h) => h.claim },
        { title: 'MANAGED', of: (h) => h.management },
        { title: 'SEEN BY', of: (h) => h.sources.join(','), drop: 2 },
        { title: 'LAST SEEN', of: (h) => ago(seenAt(h)), drop: 1 },
        { title: 'ID', of: (h) => short(h.id) },
      ],
      'No host fits. Look for some: lastember scan',
    );
  });
  does(
    hosts
      .command('import <file>')
      .description('Import a list of hosts that are known: CSV (address,name) or JSON lines; - for standard input'),
    async (context, [file]) => {
      const content = file![0] === '-' ? await standardInput() : await readFile(file![0]!, 'utf8');
      const done = await (await context.client()).importHosts({ body: { text: content } });
      show(context.output, done, [
        ['imported', String(done.hosts.length)],
        ['skipped', String(done.skipped.length)],
        ...done.skipped.map(({ line, target, why }): [string, string] => [`line ${line}`, `${target}: ${why}`]),
      ]);
      if (done.hosts.length === 0) throw new Exit(EXIT.negative);
    },
  );
  addHost(root);
}

function addRematch(root: Command): void {
  const rematch = root
    .command('rematch')
    .description('Try the probes of today on what was kept of services that nobody knew; nothing is sent to them')
    .addHelpText(
      'after',
      '\nThe server does this every night by itself. Worth a call after an update that brought probes.',
    );
  does(rematch, async (context) => {
    const done = await (await context.client()).rematchEndpoints({});
    show(context.output, done, [
      ['unknown services', String(done.looked)],
      ['known now', String(done.known)],
    ]);
  });
}

function managementOf({ management, agentVersion }: Host): string {
  if (agentVersion) return `${management}, agent ${agentVersion}`;
  return management === 'managed' ? 'managed over SSH, without an agent' : management;
}

function seenInWords(host: Host): string {
  const last = seenAt(host);
  return last ? `first ${ago(host.firstSeen)}, last ${ago(last)}` : `never; listed since ${ago(host.firstSeen)}`;
}

const endInWords = ({ ignoredUntil }: Pick<Host, 'ignoredUntil'>): string =>
  ignoredUntil ? minute(ignoredUntil) : 'somebody claims it';
const claimInWords = (host: Host): string =>
  host.claim === 'ignored' ? `ignored until ${endInWords(host)}` : host.claim;

/** Why it was set aside stands on the trail alone. */
async function whyIgnored(client: Client, { id, claim }: Host): Promise<[string, string][]> {
  if (claim !== 'ignored') return [];
  const query = { type: 'discovery.host.ignored', host: id, limit: 1 };
  const reason = (await client.listTrail({ query })).items[0]?.entry.reason;
  return reason ? [['because', reason]] : [];
}

/** The first words of a service that nobody knows: a line, and no longer than one. */
const BANNER_LENGTH = 120;

function servedInWords(probe: ProbeResult | null): string {
  if (probe?.protocol === 'unknown') return `, ${oneLine(bannerInWords(probe.banner), BANNER_LENGTH)}`;
  const words = endpointInWords(probe);
  return words === null ? '' : `, ${words}`;
}

/** What it probably is; the heaviest reasons, or all of them. */
const FEW_REASONS = 3;

const deviceLines = (device: DeviceGuess, all: boolean): [string, string][] => [
  ['device', guessInWords(device) ?? '–'],
  ...device.reasons
    .slice(0, all ? undefined : FEW_REASONS)
    .map((reason): [string, string] => ['because', reasonInWords(reason)]),
];

const SNAP_LENGTH = 300;

/** What it has beside the packages of its distribution, and that silence about it says nothing. */
async function snapsOf(client: Client, id: string): Promise<{ snaps: SnapFact[]; lines: [string, string][] }> {
  const { sections, meta } = await client.getHostFactsSection({ params: { id, section: 'snaps' } });
  const { snaps, troubles } = snapsInWords(sections.snaps, meta.snaps?.error);
  const lines = [
    ...snaps.map(([name, words]) => ['snap', `${name} ${words}`] as const),
    ...(snaps.length === 0 ? [] : [['snaps', NOBODY_JUDGES] as const]),
    ...troubles.map((trouble) => ['snaps', trouble] as const),
  ];
  return {
    snaps: sections.snaps?.snaps ?? [],
    lines: lines.map(([title, words]) => [title, oneLine(words, SNAP_LENGTH)]),
  };
}

function addHost(root: Command): void {
  const host = root
    .command('host')
    .description('One host')
    .argument('[id]', 'host id, name or address')
    .option('--why', 'why we think it is one machine, and of this kind: every decision and sign');
  does(host, async (context, [id], options) => {
    if (!id?.[0]) throw new UsageError('name a host; list them with `lastember hosts`');
    const client = await context.client();
    const detail = await client.getHost({ params: { id: await hostIdOf(client, id[0]) } });
    const { host: h, endpoints } = detail;
    const { snaps, lines } = await snapsOf(client, h.id);
    show(context.output, { ...detail, snaps }, [
      ['host', `${h.name} (${h.id})`],
      ['addresses', h.addresses.join(', ')],
      ['claim', claimInWords(h)],
      ...(await whyIgnored(client, h)),
      ['management', managementOf(h)],
      ['guess', h.guess ?? '–'],
      ...(h.shared ? ([['is', `no machine: ${h.shared.kind}, ${h.shared.why}`]] as [string, string][]) : []),
      ...deviceLines(detail.device, flag(options, 'why')),
      ['sources', h.sources.join(', ')],
      ['seen', seenInWords(h)],
      ...(h.note ? [['note', h.note] as [string, string]] : []),
      ...h.identifiers.map((i): [string, string] => [i.kind, i.value]),
      ...endpoints.map((e): [string, string] => [
        `:${portName(e)}`,
        `${e.service} ${e.state}${servedInWords(e.probe)}`,
      ]),
      ...lines,
      ...(flag(options, 'why') ? detail.why.map((d): [string, string] => ['why', `${ago(d.at)}: ${d.why}`]) : []),
    ]);
  });
  does(
    host.command('claim <id>').description('This host is ours').option('--owner <name>', 'who looks after it'),
    async (context, [id], options) => {
      const client = await context.client();
      const owner = text(options, 'owner');
      const hostId = await hostIdOf(client, id![0]!);
      await client.claimHost({ params: { id: hostId }, body: owner ? { owner } : {} });
      show(context.output, { claimed: hostId }, [['claimed', id![0]!]]);
    },
  );
  does(
    host
      .command('ignore <id>')
      .description('Set a host aside')
      .requiredOption('--reason <text>', 'why')
      .option('--until <when>', 'then it is unknown again: an instant, or a time from now such as 90d'),
    async (context, [id], options) => {
      const client = await context.client();
      const hostId = await hostIdOf(client, id![0]!);
      const until = instant(options, 'until');
      const body = { reason: text(options, 'reason')!, ...(until ? { until } : {}) };
      const ignored = await client.ignoreHost({ params: { id: hostId }, body });
      show(context.output, { ignored: hostId, until: ignored.ignoredUntil ?? null, reason: body.reason }, [
        ['ignored', id![0]!],
        ['until', endInWords(ignored)],
        ['because', body.reason],
      ]);
    },
  );
  does(
    host.command('tag <id> <tags...>').description('Replace the tags of a host, as key=value'),
    async (context, [id, tags]) => {
      const pairs = tags!.map((tag) => pair(tag, 'a tag'));
      const client = await context.client();
      const hostId = await hostIdOf(client, id![0]!);
      const made = await client.setHostTags({ params: { id: hostId }, body: { tags: Object.fromEntries(pairs) } });
      show(context.output, made, [['tagged', `${id![0]!} ${tags!.join(' ')}`]]);
    },
  );
  addIdentity(host);
}
