import type { Host } from '../../model/estate.ts';
import type { ProbeResult } from '../../model/probe.ts';
import { endpointInWords } from '../../model/probe-words.ts';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { ApiError, type Client } from '../../client/client.ts';
import type { Context } from '../context.ts';
import { EXIT, Exit, UsageError } from '../exit.ts';
import { ago, list, progress, show } from '../output.ts';
import { hostIdOf, short } from '../lookup.ts';
import { collect, does, flag, number, pair, text, texts, type Options } from '../run.ts';

export function addDiscovery(root: Command): void {
  addScope(root);
  addScan(root);
  addHosts(root);
  addRematch(root);
}

function addScope(root: Command): void {
  const scope = root.command('scope').description('What may be discovered');
  does(
    scope
      .command('add <name> <cidr...>')
      .description('Add a scope: CIDRs, ranges or names')
      .option('--ports <ports>', 'profile (fast, default, full) or a list such as 22,443,8000-8100', 'default')
      .option('--rate <n>', 'new connections per second, at most')
      .option('--every <cron>', 'scan by itself, e.g. "0 3 * * *"')
      .option('--exclude <cidr>', 'never touch these (may be repeated)', collect)
      .option('--follow <cidr>', 'also look at hosts in here that agents see connections to (may be repeated)', collect)
      .option('--agents', 'agents in here look around in their own subnets')
      .option('--confirm-wide', 'yes, wider than a /8 is meant'),
    async (context, [name, cidrs], options) => {
      const rate = number(options, 'rate');
      const client = await context.client();
      const made = await client.createScope({
        body: {
          name: name![0]!,
          cidrs: cidrs!,
          ports: text(options, 'ports') ?? 'default',
          exclude: texts(options, 'exclude'),
          follow: texts(options, 'follow'),
          every: text(options, 'every') ?? null,
          agents: flag(options, 'agents'),
          confirmWide: flag(options, 'confirmWide'),
          ...(rate === undefined ? {} : { rate }),
        },
      });
      show(context.output, made, [
        ['scope', made.name],
        ['covers', made.cidrs.join(', ')],
        ['ports', made.ports],
        ['next', `lastember scan ${made.name}`],
      ]);
    },
  );
  does(scope.command('list').description('List scopes'), async (context) => {
    const { items } = await (await context.client()).listScopes();
    list(
      context.output,
      items,
      [
        { title: 'NAME', of: (s) => s.name, shrink: true },
        { title: 'COVERS', of: (s) => s.cidrs.join(', '), shrink: true },
        { title: 'EXCEPT', of: (s) => s.exclude.join(', ') || '–', shrink: true, drop: 1 },
        { title: 'PORTS', of: (s) => s.ports, shrink: true },
        { title: 'RATE', of: (s) => `${s.rate}/s` },
        { title: 'EVERY', of: (s) => s.every ?? 'by hand' },
        { title: 'AGENTS', of: (s) => (s.agents ? 'look around' : '–'), drop: 2 },
      ],
      'No scopes yet. Add one: lastember scope add office 192.0.2.0/24',
    );
  });
  addScopeAgents(scope);
  does(scope.command('remove <name>').description('Remove a scope; what it found stays'), async (context, [name]) => {
    const client = await context.client();
    const id = await scopeId(client, name![0]!);
    await client.deleteScope({ params: { id } });
    show(context.output, { removed: name![0]! }, [['removed', name![0]!]]);
  });
}

/** Who looks around where; and whether anybody does. */
function addScopeAgents(scope: Command): void {
  does(
    scope.command('show <name>').description('One scope, and which agents look around where in it'),
    async (context, [name]) => {
      const client = await context.client();
      const found = await client.getScope({ params: { id: await scopeId(client, name![0]!) } });
      const { scope: s, blocks } = found;
      show(context.output, found, [
        ['scope', s.name],
        ['covers', s.cidrs.join(', ')],
        ['except', s.exclude.join(', ') || '–'],
        ['ports', s.ports],
        ['rate', `${s.rate}/s`],
        ['every', s.every ?? 'by hand'],
        [
          'agents',
          s.agents ? 'look around in their own subnets' : `do not look around; lastember scope agents ${s.name} on`,
        ],
        ...blocks.map(({ block, agents, elected, lastAt }): [string, string] => [
          block,
          `${elected.map(({ hostName }) => hostName).join(' and ')} of ${agents}, last ${lastAt ? ago(lastAt) : 'never'}`,
        ]),
      ]);
    },
  );
  does(
    scope
      .command('agents <name> <on|off>')
      .description('Let agents in this scope look around in their own subnets, or stop them'),
    async (context, [name, word]) => {
      if (word![0] !== 'on' && word![0] !== 'off') throw new UsageError(`say on or off, not "${word![0]}"`);
      const client = await context.client();
      const params = { id: await scopeId(client, name![0]!) };
      const made = await client.updateScope({ params, body: { agents: word![0] === 'on' } });
      show(context.output, made, [
        ['scope', made.name],
        ['agents', made.agents ? 'look around in their own subnets' : 'do not look around'],
        ...(made.agents ? [['next', 'lastember agent patrols'] as [string, string]] : []),
      ]);
    },
  );
}

async function scopeId(client: Client, name: string): Promise<string> {
  const found = (await client.listScopes()).items.find((scope) => scope.name === name || scope.id === name);
  if (!found) throw new UsageError(`there is no scope "${name}"; list them with \`lastember scope list\``);
  return found.id;
}

function addScan(root: Command): void {
  does(
    root
      .command('scan [target...]')
      .description('Scan scopes or CIDRs now, with progress, then say what is new')
      .option('--ports <ports>', 'profile or list of ports (default: the scope’s)')
      .option('--no-wait', 'start it and return')
      .option('--confirm-wide', 'yes, wider than a /8 is meant'),
    async (context, [targets], options) => {
      const client = await context.client();
      const scans = await startScans(client, targets ?? [], options);
      const finished =
        options['wait'] === false ? scans : await Promise.all(scans.map((scan) => follow(context, client, scan.id)));
      list(
        context.output,
        finished,
        [
          { title: 'SCAN', of: (s) => short(s.id) },
          { title: 'STATE', of: (s) => s.state },
          { title: 'LOOKED AT', of: (s) => `${s.counts.done} of ${s.counts.targets}` },
          { title: 'OPEN', of: (s) => String(s.counts.open) },
          { title: 'NEW', of: (s) => String(s.counts.newHosts) },
          { title: 'CHANGED', of: (s) => String(s.counts.changed) },
          { title: 'OFFLINE', of: (s) => String(s.counts.offline) },
          { title: 'BACK', of: (s) => String(s.counts.back) },
          { title: 'BY', of: (s) => s.path ?? '' },
        ],
        'Nothing to scan.',
      );
      const failed = finished.find((scan) => scan.state === 'failed');
      if (failed) {
        context.output.err(`lastember: ${failed.error ?? 'the scan failed'}`);
        throw new Exit(EXIT.negative);
      }
    },
  );
}

type ScanReply = Awaited<ReturnType<Client['getScan']>>;

async function startScans(client: Client, targets: string[], options: Options): Promise<ScanReply[]> {
  const scopes = (await client.listScopes()).items;
  const chosen = targets.length === 0 ? scopes : scopes.filter((scope) => targets.includes(scope.name));
  const addresses = targets.filter((target) => !scopes.some((scope) => scope.name === target));
  if (chosen.length + addresses.length === 0)
    throw new UsageError('there is no scope yet; add one with `lastember scope add NAME CIDR` or name a CIDR');
  const ports = text(options, 'ports') ? { ports: text(options, 'ports')! } : {};
  const bodies = [
    ...chosen.map((scope) => ({ scope: scope.name, ...ports })),
    ...(addresses.length ? [{ targets: addresses, confirmWide: flag(options, 'confirmWide'), ...ports }] : []),
  ];
  return Promise.all(
    bodies.map((body) =>
      client.createScan({ body }).catch((error: unknown) => {
        throw 'scope' in body ? error : noSuchScope(error, addresses, scopes);
      }),
    ),
  );
}

/** A word that no name server knows was meant as the name of a scope. */
function noSuchScope(error: unknown, targets: readonly string[], scopes: readonly { name: string }[]): unknown {
  const words = targets.filter((target) => !/[./:]/.test(target));
  if (words.length === 0 || !(error instanceof ApiError) || !NO_TARGET.includes(error.code)) return error;
  const names = scopes.map(({ name }) => name).join(', ');
  return new UsageError(
    `there is no scope or host "${words[0]}"${names ? `; the scopes are: ${names}` : ''}; list them with \`lastember scope list\``,
  );
}

const NO_TARGET: unknown[] = ['TARGETS_EMPTY', 'TARGET_INVALID'];

async function follow(context: Context, client: Client, id: string): Promise<ScanReply> {
  const bar = progress(context.output);
  for (;;) {
    const scan = await client.getScan({ params: { id } });
    bar.at(`scan ${scan.state}: ${scan.counts.done} of ${scan.counts.targets} looked at, ${scan.counts.open} open`);
    if (!['queued', 'running', 'paused'].includes(scan.state)) {
      bar.done();
      return scan;
    }
    await sleep(300);
  }
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
        { title: 'LAST SEEN', of: (h) => ago(h.lastSeen), drop: 1 },
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

async function standardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function managementOf({ management, agentVersion }: Host): string {
  if (agentVersion) return `${management}, agent ${agentVersion}`;
  return management === 'managed' ? 'managed over SSH, without an agent' : management;
}

function servedInWords(probe: ProbeResult | null): string {
  const words = endpointInWords(probe);
  return words === null ? '' : `, ${words}`;
}

function addHost(root: Command): void {
  const host = root
    .command('host')
    .description('One host')
    .argument('[id]', 'host id, name or address')
    .option('--why', 'why we think it is one machine: every decision');
  does(host, async (context, [id], options) => {
    if (!id?.[0]) throw new UsageError('name a host; list them with `lastember hosts`');
    const client = await context.client();
    const detail = await client.getHost({ params: { id: await hostIdOf(client, id[0]) } });
    const { host: h, endpoints } = detail;
    show(context.output, detail, [
      ['host', `${h.name} (${h.id})`],
      ['addresses', h.addresses.join(', ')],
      ['claim', h.claim],
      ['management', managementOf(h)],
      ['guess', h.guess ?? '–'],
      ['sources', h.sources.join(', ')],
      ['seen', `first ${ago(h.firstSeen)}, last ${ago(h.lastSeen)}`],
      ...(h.note ? [['note', h.note] as [string, string]] : []),
      ...h.identifiers.map((i): [string, string] => [i.kind, i.value]),
      ...endpoints.map((e): [string, string] => [`:${e.port}`, `${e.service} ${e.state}${servedInWords(e.probe)}`]),
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
    host.command('ignore <id>').description('Set a host aside').requiredOption('--reason <text>', 'why'),
    async (context, [id], options) => {
      const client = await context.client();
      const hostId = await hostIdOf(client, id![0]!);
      await client.ignoreHost({ params: { id: hostId }, body: { reason: text(options, 'reason')! } });
      show(context.output, { ignored: hostId }, [['ignored', id![0]!]]);
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
}
