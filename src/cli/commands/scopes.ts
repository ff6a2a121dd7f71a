import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import { rateWords } from '../../model/scan-words.ts';
import { UsageError } from '../exit.ts';
import { ago, list, show } from '../output.ts';
import { collect, does, flag, number, text, texts } from '../run.ts';

export function addScope(root: Command): void {
  const scope = root.command('scope').description('What may be discovered');
  does(
    scope
      .command('add <name> <cidr...>')
      .description('Add a scope: CIDRs, ranges or names')
      .option('--ports <ports>', 'profile (fast, default, full) or a list such as 22,443,8000-8100', 'default')
      .option('--rate <n>', 'new connections per second, at most')
      .option('--subnet-rate <n>', 'of these, to one /24 (IPv6: /64) (default: 500)')
      .option('--every <cron>', 'scan by itself, e.g. "0 3 * * *"')
      .option('--exclude <cidr>', 'never touch these (may be repeated)', collect)
      .option('--follow <cidr>', 'also look at hosts in here that agents see connections to (may be repeated)', collect)
      .option('--agents', 'agents in here look around in their own subnets')
      .option('--confirm-wide', 'yes, wider than a /8 is meant'),
    async (context, [name, cidrs], options) => {
      const [rate, subnetRate] = [number(options, 'rate'), number(options, 'subnetRate')];
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
          ...(subnetRate === undefined ? {} : { subnetRate }),
        },
      });
      show(context.output, made, [
        ['scope', made.name],
        ['covers', made.cidrs.join(', ')],
        ['ports', made.ports],
        ['rate', rateWords(made)],
        ['next', `lastember scan ${made.name} --dry-run`],
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
        ['rate', rateWords(s)],
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
