import type { Command } from 'commander';
import { hostIdOf, short } from '../lookup.ts';
import { ago, list, show } from '../output.ts';
import { does, text } from '../run.ts';

/** The inbox: what nobody has claimed. */
export function addUnknown(root: Command): void {
  does(
    root.command('unknown').description('Hosts that nobody claimed: who saw them, and whose they may be'),
    async (context) => {
      const { items } = await (await context.client()).listUnknown();
      list(
        context.output,
        items,
        [
          { title: 'NAME', of: ({ host }) => host.name, shrink: true },
          { title: 'IS', of: ({ host }) => host.guess ?? '–', shrink: true, drop: 1 },
          { title: 'SERVES', of: ({ services }) => services.join(', ') || '–', shrink: true },
          {
            title: 'SEEN BY',
            of: ({ host, seenByAgents }) => [...host.sources, ...seenByAgents.map(({ name }) => name)].join(', '),
            shrink: true,
            drop: 2,
          },
          {
            title: 'MAY BE OF',
            of: ({ owners }) => owners.map(({ owner, why }) => `${owner}: ${why[0]}`).join('; ') || '–',
            shrink: true,
          },
          { title: 'FIRST SEEN', of: ({ host }) => ago(host.firstSeen) },
          { title: 'ID', of: ({ host }) => short(host.id) },
        ],
        'Somebody claimed every host. New ones appear here: lastember scan',
      );
    },
  );
}

/** What a person knows better than we do about which machine is which. */
export function addIdentity(host: Command): void {
  does(
    host
      .command('merge <id> <other>')
      .description('Two records are one machine: the first stays. Can be taken back with `host split`')
      .requiredOption('--reason <text>', 'why'),
    async (context, [id, other], options) => {
      const client = await context.client();
      const [into, from] = await Promise.all([hostIdOf(client, id![0]!), hostIdOf(client, other![0]!)]);
      const made = await client.mergeHosts({ params: { id: into }, body: { from, reason: text(options, 'reason')! } });
      show(context.output, made, [
        ['host', `${made.host.name} (${made.host.id})`],
        ['addresses', made.host.addresses.join(', ')],
        ['back', `lastember host split ${made.host.id} --reason …`],
      ]);
    },
  );
  does(
    host
      .command('split <id>')
      .description('Take back the last merge into a host: both records are again what they were')
      .option('--from <id>', 'the record that is to be a host of its own again, where several were merged')
      .requiredOption('--reason <text>', 'why'),
    async (context, [id], options) => {
      const client = await context.client();
      const from = text(options, 'from');
      const made = await client.splitHost({
        params: { id: await hostIdOf(client, id![0]!) },
        body: { reason: text(options, 'reason')!, ...(from ? { from } : {}) },
      });
      show(context.output, made, [
        ['host', made.hostId],
        ['split off', made.from],
      ]);
    },
  );
}
