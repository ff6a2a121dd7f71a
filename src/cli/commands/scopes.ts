import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import type { Scope } from '../../model/estate.ts';
import { everyWords, rateWords } from '../../model/scan-words.ts';
import { UsageError } from '../exit.ts';
import { ago, list, show } from '../output.ts';
import { collect, does, eitherOr, flag, number, text, texts, type Options } from '../run.ts';
import { targetsFrom } from '../targets-file.ts';

/** What `add` and `change` have in common. */
const settings = (command: Command): Command =>
  command
    .option('--ports <ports>', 'profile (fast, default, full) or a list such as 22,443,8000-8100')
    .option('--udp <ports>', 'UDP ports that are asked: none, default (53, 123, 161, 623) or some of these')
    .option('--rate <n>', 'new connections per second, at most')
    .option('--subnet-rate <n>', 'of these, to one /24 (IPv6: /64)')
    .option('--every <cron>', 'scan by itself, e.g. "0 3 * * *"')
    .option('--full-every <days>', 'days between walks through all of it; in between, what is known is looked at')
    .option('--blackout <when>', 'scan nothing then: "mon-fri 08:00-18:00 Europe/Berlin" (may be repeated)', collect)
    .option('--exclude <cidr>', 'never touch these (may be repeated)', collect)
    .option('--follow <cidr>', 'also look at hosts in here that agents see connections to (may be repeated)', collect)
    .option('--site <name>', 'look from this site with its scanners; local is this server')
    .option('--confirm-wide', 'yes, wider than a /8 is meant');

function given(options: Options) {
  const [ports, udp, every, site] = ['ports', 'udp', 'every', 'site'].map((name) => text(options, name));
  const numbers = {
    rate: number(options, 'rate'),
    subnetRate: number(options, 'subnetRate'),
    fullEvery: number(options, 'fullEvery'),
  };
  const lists = {
    blackouts: texts(options, 'blackout'),
    exclude: texts(options, 'exclude'),
    follow: texts(options, 'follow'),
  };
  return {
    ...(ports ? { ports } : {}),
    ...(udp ? { udp } : {}),
    ...(every ? { every } : {}),
    ...(site ? { site } : {}),
    ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined)),
    ...Object.fromEntries(Object.entries(lists).filter(([, value]) => value.length > 0)),
    confirmWide: flag(options, 'confirmWide'),
  };
}

export function addScope(root: Command): void {
  const scope = root.command('scope').description('What may be discovered');
  does(
    settings(scope.command('add <name> [cidr...]').description('Add a scope: CIDRs, ranges or names'))
      .option('--targets-file <file>', 'more of them, one a line; - for standard input')
      .option('--agents', 'agents in here look around in their own subnets'),
    async (context, [name, cidrs], options) => {
      const client = await context.client();
      const all = [...(cidrs ?? []), ...(await targetsFrom(text(options, 'targetsFile')))];
      if (all.length === 0) throw new UsageError('name what it covers: CIDRs, ranges, names or --targets-file');
      const made = await client.createScope({
        body: { ...given(options), name: name![0]!, cidrs: all, agents: flag(options, 'agents') },
      });
      show(context.output, made, [...linesOf(made), ['next', `lastember scan ${made.name} --dry-run`]]);
    },
  );
  const change = settings(scope.command('change <name>').description('Change what is given, and leave the rest'))
    .option('--cover <cidr>', 'cover these instead (may be repeated)', collect)
    .option('--no-every', 'scan by hand only')
    .option('--no-full-every', 'walk through all of it each time, or weekly where that takes long')
    .option('--no-blackout', 'scan at any hour')
    .option('--no-exclude', 'exclude nothing');
  does(eitherOr(change, 'every', 'full-every', 'blackout', 'exclude'), async (context, [name], options) => {
    const client = await context.client();
    const cover = texts(options, 'cover');
    const body = {
      ...given(options),
      ...(cover.length > 0 ? { cidrs: cover } : {}),
      ...(options['every'] === false ? { every: null } : {}),
      ...(options['fullEvery'] === false ? { fullEvery: null } : {}),
      ...(options['blackout'] === false ? { blackouts: [] } : {}),
      ...(options['exclude'] === false ? { exclude: [] } : {}),
    };
    if (Object.keys(body).length === 1) throw new UsageError('say what to change; see `lastember scope change --help`');
    const made = await client.updateScope({ params: { id: await scopeId(client, name![0]!) }, body });
    show(context.output, made, linesOf(made));
  });
  does(scope.command('list').description('List scopes'), async (context) => {
    const { items } = await (await context.client()).listScopes();
    list(
      context.output,
      items,
      [
        { title: 'NAME', of: (s) => s.name, shrink: true },
        { title: 'COVERS', of: (s) => s.cidrs.join(', '), shrink: true },
        { title: 'EXCEPT', of: (s) => s.exclude.join(', ') || '–', shrink: true, drop: 1 },
        { title: 'PORTS', of: portsInWords, shrink: true },
        { title: 'RATE', of: (s) => `${s.rate}/s` },
        { title: 'SITE', of: (s) => s.site, shrink: true, drop: 4 },
        { title: 'EVERY', of: (s) => s.every ?? 'by hand' },
        { title: 'BLACKOUTS', of: (s) => s.blackouts.join('; ') || '–', shrink: true, drop: 3 },
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
        ...linesOf(s),
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

const portsInWords = ({ ports, udp }: Scope): string => (udp === 'none' ? ports : `${ports}; UDP ${udp}`);

const linesOf = (scope: Scope): [string, string][] => [
  ['scope', scope.name],
  ['covers', scope.cidrs.join(', ')],
  ['except', scope.exclude.join(', ') || '–'],
  ['ports', portsInWords(scope)],
  ['rate', rateWords(scope)],
  ['every', everyWords(scope)],
  ...(scope.site === 'local' ? [] : [['site', scope.site] as [string, string]]),
  ['blackouts', scope.blackouts.join('; ') || '–'],
];

async function scopeId(client: Client, name: string): Promise<string> {
  const found = (await client.listScopes()).items.find((scope) => scope.name === name || scope.id === name);
  if (!found) throw new UsageError(`there is no scope "${name}"; list them with \`lastember scope list\``);
  return found.id;
}
