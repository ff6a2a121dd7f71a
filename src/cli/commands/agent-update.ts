import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import { updateToSign } from '../../client/plan-to-sign.ts';
import { hostsOfUpdate } from '../../model/enrollment.ts';
import { keyIdOf, mayApprove, readKeyFile, signApproval } from '../approval.ts';
import type { Context } from '../context.ts';
import { EXIT, Exit, UsageError } from '../exit.ts';
import { hostIdOf, pick, short } from '../lookup.ts';
import { ago, list, show } from '../output.ts';
import { confirm } from '../prompt.ts';
import { does, flag, number, pair, text } from '../run.ts';

type Update = Awaited<ReturnType<Client['getAgentUpdate']>>;

export function addAgentUpdate(root: Command): void {
  const agent = root.commands.find((one) => one.name() === 'agent') ?? root.command('agent');
  addUpdate(agent);
  addApprove(agent);
  does(agent.command('updates [id]').description('Updates, or one with each of its hosts'), async (context, [id]) => {
    const client = await context.client();
    if (id?.[0]) return showUpdate(context, await client.getAgentUpdate({ params: { id: await idOf(client, id[0]) } }));
    const { items } = await client.listAgentUpdates();
    list(
      context.output,
      items,
      [
        { title: 'UPDATE', of: (u) => short(u.id) },
        { title: 'STATE', of: (u) => u.state },
        { title: 'VERSION', of: (u) => u.version },
        { title: 'HOSTS', of: (u) => `${u.counts.done} of ${hostsOfUpdate(u)}` },
        { title: 'ASKED', of: (u) => `${ago(u.createdAt)} by ${u.authorName}`, shrink: true, drop: 1 },
        { title: 'WHY', of: (u) => u.why ?? '', shrink: true },
      ],
      'No updates yet. Ask for one: lastember agent update --all',
    );
  });
  does(
    agent.command('cancel <id>').description('Give this program to no further host; who has it keeps it'),
    async (context, [id]) => {
      const client = await context.client();
      showUpdate(context, await client.cancelAgentUpdate({ params: { id: await idOf(client, id![0]!) } }));
    },
  );
}

function addUpdate(agent: Command): void {
  does(
    agent
      .command('update [host...]')
      .description('Give agents the program of this server: one first, then in waves, each when the one before reports')
      .option('--all', 'every agent that runs another one')
      .option('--tag <k=v>', 'every host with this tag')
      .option('--wave <n>', 'hosts at a time, after the first one', '10'),
    async (context, [hosts], options) => {
      const names = hosts ?? [];
      const tag = text(options, 'tag') ? pair(text(options, 'tag')!, '--tag') : null;
      if (names.length === 0 && !flag(options, 'all') && !tag)
        throw new UsageError('name hosts, or use --all or --tag');
      const client = await context.client();
      const made = await client.createAgentUpdate({
        body: {
          ...(names.length ? { hostIds: await Promise.all(names.map((name) => hostIdOf(client, name))) } : {}),
          all: flag(options, 'all'),
          ...(tag ? { tag: { key: tag[0], value: tag[1] } } : {}),
          wave: number(options, 'wave') ?? 10,
        },
      });
      showUpdate(context, made);
    },
  );
}

function addApprove(agent: Command): void {
  does(
    agent
      .command('approve <id>')
      .description('Look at the update and sign its digest with your own key; the key stays here')
      .requiredOption('--key <file>', 'your approver key (made by `lastember key new`)')
      .option('--yes', 'do not ask'),
    async (context, [id], options) => {
      const client = await context.client();
      const found = await client.getAgentUpdate({ params: { id: await idOf(client, id![0]!) } });
      const pem = await readKeyFile(text(options, 'key')!);
      await mayApprove(client, found, keyIdOf(pem), 'update');
      if (!context.output.json) showUpdate(context, found);
      const { digest } = await updateToSign(found);
      if (!flag(options, 'yes') && !(await confirm(`Sign update ${digest}?`))) throw new Exit(EXIT.negative);
      const body = signApproval(pem, found.id, digest, new Date());
      showUpdate(context, await client.approveAgentUpdate({ params: { id: found.id }, body }));
    },
  );
}

async function idOf(client: Client, ref: string): Promise<string> {
  if (ref.startsWith('update_')) return ref;
  const items = (await client.listAgentUpdates()).items.map(({ id }) => ({ id }));
  return pick(items, ref, 'update', 'agent updates').id;
}

const NEXT: Record<Update['state'], (update: Update) => string> = {
  'awaiting-approval': ({ id }) => `an approver other than you runs  lastember agent approve ${short(id)} --key FILE`,
  running: ({ id }) => `agents take it when they next report; see  lastember agent updates ${short(id)}`,
  done: ({ counts }) => (counts.away === 0 ? 'nothing' : 'nothing: who is away gets it with its next report'),
  stopped: () => 'find out why, then ask for another update',
  cancelled: () => 'nothing',
};

function showUpdate(context: Context, update: Update): void {
  const { counts } = update;
  const waves = Math.max(...update.hosts.map((host) => host.wave)) + 1;
  show(context.output, update, [
    ['update', update.id],
    ['state', update.state],
    ['version', update.version],
    ['program', update.program],
    ['digest', update.digest],
    [
      'hosts',
      `${hostsOfUpdate(update)} in ${waves} wave(s): ${counts.done} done, ${counts.offered} at it, ${counts.away} away, ${counts.failed} failed`,
    ],
    [
      'approved by',
      update.approvals.map((one) => one.name).join(', ') || `nobody yet (${update.approvalsRequired} needed)`,
    ],
    ...update.hosts.filter((host) => host.why !== null).map((host): [string, string] => [host.hostName, host.why!]),
    ...(update.why === null ? [] : [['why', update.why] as [string, string]]),
    ['next', NEXT[update.state](update)],
  ]);
}
