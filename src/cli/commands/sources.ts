import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import type { Client } from '../../client/client.ts';
import { type Source, SourceKind, type SourceKindInfo } from '../../model/source.ts';
import { EXIT, Exit, UsageError } from '../exit.ts';
import { ago, list, progress, show } from '../output.ts';
import { askSecret } from '../prompt.ts';
import { collect, does, flag, pair, text, texts, type Options } from '../run.ts';

const WAIT_MS = 300;

export function addSources(root: Command): void {
  const source = root
    .command('source')
    .description('Clouds, leases, zones and lists that tell of machines besides our own looks');
  addBlind(root);
  addKinds(source);
  addAdd(source);
  addReading(source);
  does(source.command('list').description('List sources, and how their last reading went'), async (context) => {
    const { items } = await (await context.client()).listSources();
    list(
      context.output,
      items,
      [
        { title: 'NAME', of: (s) => s.name, shrink: true },
        { title: 'KIND', of: (s) => s.kind },
        { title: 'STATE', of: (s) => s.state },
        { title: 'MACHINES', of: (s) => (s.counts ? String(s.counts.records) : '–') },
        { title: 'LAST TOLD', of: (s) => (s.lastOkAt ? ago(s.lastOkAt) : 'never') },
        { title: 'EVERY', of: (s) => s.every ?? 'by hand', drop: 1 },
        { title: 'ERROR', of: (s) => s.lastError ?? '', shrink: true },
      ],
      'No sources yet. What can be one: lastember source kinds',
    );
  });
  addCoverage(source);
  does(source.command('show <name>').description('One source'), async (context, [name]) => {
    const found = await (await context.client()).getSource({ params: { id: name![0]! } });
    show(context.output, found, linesOf(found));
  });
  does(source.command('remove <name>').description('Ask it no more; what it told stays'), async (context, [name]) => {
    await (await context.client()).removeSource({ params: { id: name![0]! } });
    show(context.output, { removed: name![0]! }, [['removed', name![0]!]]);
  });
}

/** Where who looks, and where nobody does. */
function addCoverage(source: Command): void {
  does(
    source
      .command('coverage')
      .description('Which address space was seen by which source how recently, and where we are blind')
      .option('--blind', 'only where nobody looks'),
    async (context, _, options) => {
      const space = await (await context.client()).getAddressSpace();
      if (context.output.json) return context.output.out(JSON.stringify(space, null, 2));
      const items = flag(options, 'blind') ? space.items.filter(({ blind }) => blind !== null) : space.items;
      list(
        context.output,
        items,
        [
          { title: 'BLOCK', of: (b) => b.block },
          { title: 'SCOPE', of: (b) => b.scope ?? '–', shrink: true },
          { title: 'HOSTS', of: (b) => String(b.hosts) },
          { title: 'UNKNOWN', of: (b) => String(b.unknown) },
          { title: 'ON NO LIST', of: (b) => String(b.unlisted), drop: 1 },
          { title: 'NEVER SEEN', of: (b) => String(b.unseen), drop: 1 },
          {
            title: 'SEEN BY',
            of: (b) => b.sources.map((s) => `${s.source} ${ago(s.lastSeen)}`).join(', '),
            shrink: true,
          },
          { title: 'BLIND', of: (b) => b.blind ?? '', shrink: true },
        ],
        flag(options, 'blind')
          ? 'Nobody is blind where hosts are known.'
          : 'No host is known yet. Look for some: lastember scan',
      );
      for (const { scope, why } of space.empty) context.output.out(`${scope}: ${why}`);
      context.output.out(`${space.hosts} hosts, ${space.unknown} unknown, ${space.twice} known to two sources or more`);
    },
  );
}

/** Across sources, scopes, hosts and listeners. */
function addBlind(root: Command): void {
  does(
    root.command('blind').description('What we failed to look at, and why: unknown is not clean'),
    async (context) => {
      const { items } = await (await context.client()).listNotLooked();
      list(
        context.output,
        items,
        [
          { title: 'WHAT', of: (one) => one.what },
          { title: 'NAME', of: (one) => one.name, shrink: true },
          { title: 'WHY', of: (one) => one.why, shrink: true },
          { title: 'LAST LOOKED AT', of: (one) => (one.lastAt ? ago(one.lastAt) : 'never'), drop: 1 },
        ],
        'Everything that was to be looked at was looked at.',
      );
    },
  );
}

function linesOf(source: Source): [string, string][] {
  const { counts } = source;
  return [
    ['source', `${source.name} (${source.kind})`],
    ['state', source.state],
    ...(source.lastError ? [['error', source.lastError] as [string, string]] : []),
    ['every', source.every ?? 'by hand'],
    ['last told', source.lastOkAt ? ago(source.lastOkAt) : 'never'],
    ...(counts
      ? ([
          ['machines', `${counts.records} with ${counts.addresses} addresses`],
          ['new hosts', String(counts.newHosts)],
          ['claimed', String(counts.claimed)],
          ...counts.skipped.map(({ why, count }) => ['left out', `${count} × ${why}`]),
        ] as [string, string][])
      : []),
    ...Object.entries(source.settings).map(([key, value]): [string, string] => [key, value.split('\n')[0]!]),
    ...source.secrets.map((key): [string, string] => [key, 'kept in the vault']),
  ];
}

function addKinds(source: Command): void {
  does(
    source.command('kinds [kind]').description('What can be a source, and what each needs'),
    async (context, [given]) => {
      const { items } = await (await context.client()).listSourceKinds();
      if (!given?.[0]) {
        list(
          context.output,
          items,
          [
            { title: 'KIND', of: (k) => k.kind },
            { title: 'IS', of: (k) => k.title },
            { title: 'HOW', of: (k) => k.how },
            { title: 'NEEDS', of: (k) => k.needs, shrink: true },
          ],
          'There are none.',
        );
        return;
      }
      const kind = kindCalled(items, given[0]);
      show(context.output, kind, [
        ['kind', `${kind.kind}: ${kind.title}`],
        ['needs', kind.needs],
        ['how', kind.how === 'asked' ? 'asked by schedule' : 'pushed: lastember source push NAME FILE'],
        ['tells of', kind.isList ? 'hosts that are known' : 'hosts that nobody has claimed yet'],
        ...kind.fields.map((field): [string, string] => [
          `${field.secret ? '--secret' : '--set'} ${field.name}`,
          `${field.what}${field.default ? ` (${field.default})` : field.required ? '' : ' (optional)'}`,
        ]),
      ]);
    },
  );
}

function kindCalled(items: readonly SourceKindInfo[], name: string): SourceKindInfo {
  const kind = items.find((one) => one.kind === name);
  if (!kind) throw new UsageError(`there is no kind "${name}"; list them with \`lastember source kinds\``);
  return kind;
}

function addAdd(source: Command): void {
  does(
    source
      .command('add <name>')
      .description('Add a source; secrets that are not given are asked for')
      .addOption(new Option('--kind <kind>', 'what it is').choices(SourceKind.options).makeOptionMandatory())
      .option('--set <key=value>', 'a setting (may be repeated)', collect)
      .option('--set-file <key=file>', 'a setting from a file, such as ca=ca.pem (may be repeated)', collect)
      .option('--secret-file <key=file>', 'a secret from a file, - for standard input (may be repeated)', collect)
      .option('--every <cron>', 'when to ask it, in UTC (default: once an hour)')
      .option('--by-hand', 'only when it is told to'),
    async (context, [name], options) => {
      const client = await context.client();
      const kind = kindCalled((await client.listSourceKinds()).items, text(options, 'kind')!);
      const every = text(options, 'every');
      const made = await client.addSource({
        body: {
          name: name![0]!,
          kind: kind.kind,
          settings: { ...pairs(options, 'set'), ...(await files(options, 'setFile')) },
          secrets: await secretsOf(kind, options),
          ...(flag(options, 'byHand') ? { every: null } : every === undefined ? {} : { every }),
        },
      });
      const next =
        kind.how === 'pushed' ? `lastember source push ${made.name} FILE` : `lastember source show ${made.name}`;
      show(context.output, made, [
        ['source', `${made.name} (${made.kind})`],
        ['every', made.every ?? 'by hand'],
        ['next', next],
      ]);
    },
  );
}

const pairs = (options: Options, name: string): Record<string, string> =>
  Object.fromEntries(texts(options, name).map((one) => pair(one, `--${name.replace('File', '-file')}`)));

async function files(options: Options, name: string): Promise<Record<string, string>> {
  const read = Object.entries(pairs(options, name)).map(async ([key, file]) => {
    const content = await readFile(file === '-' ? '/dev/stdin' : file, 'utf8');
    return [key, content.replace(/\r?\n$/, '')];
  });
  return Object.fromEntries(await Promise.all(read)) as Record<string, string>;
}

async function secretsOf(kind: SourceKindInfo, options: Options): Promise<Record<string, string>> {
  const given = await files(options, 'secretFile');
  for (const field of kind.fields) {
    if (!field.secret || !field.required || field.name in given) continue;
    given[field.name] = await askSecret(`${kind.title}, ${field.what}: `);
  }
  return given;
}

function addReading(source: Command): void {
  does(
    source
      .command('read <name>')
      .description('Ask it now, and say what it told')
      .option('--no-wait', 'start it and return'),
    async (context, [name], options) => {
      const client = await context.client();
      const before = await client.getSource({ params: { id: name![0]! } });
      await client.readSource({ params: { id: name![0]! } });
      await tellRead(context, client, before, options);
    },
  );
  does(
    source
      .command('push <name> <file>')
      .description('Hand over the file of a source that is pushed, and say what it told; - for standard input')
      .option('--no-wait', 'hand it over and return'),
    async (context, [name, file], options) => {
      const content = await readFile(file![0] === '-' ? '/dev/stdin' : file![0]!, 'utf8');
      const client = await context.client();
      const taken = await client.pushSource({ params: { id: name![0]! }, body: { text: content } });
      await tellRead(context, client, taken, options);
    },
  );
}

/** How it ended, or, where nobody waits, how it stood. */
async function tellRead(context: Waiting, client: Client, before: Source, options: Options): Promise<void> {
  const isAwaited = options['wait'] !== false;
  const read = isAwaited ? await untilRead(context, client, before) : before;
  show(context.output, read, linesOf(read));
  if (isAwaited && read.state === 'failing') throw new Exit(EXIT.negative);
}

type Waiting = { output: Parameters<typeof progress>[0] };

async function untilRead({ output }: Waiting, client: Client, before: Source): Promise<Source> {
  const bar = progress(output);
  for (;;) {
    const now = await client.getSource({ params: { id: before.id } });
    bar.at(`source ${now.name}: ${now.state}`);
    const isOver = now.lastRunAt !== before.lastRunAt || before.state === 'running';
    if (isOver && now.state !== 'running') {
      bar.done();
      return now;
    }
    await sleep(WAIT_MS);
  }
}
