import type { Command } from 'commander';
import type { Exception } from '../../model/finding.ts';
import { UsageError } from '../exit.ts';
import { count, list, show } from '../output.ts';
import { does, flag, text } from '../run.ts';
import { findingIdOf, hostIdOf, pick, short } from '../lookup.ts';
import { namesIn, showImpact } from '../views.ts';

export function addImpact(root: Command): void {
  does(
    root
      .command('impact <ref...>')
      .description('Who feels it: blast radius of fixing findings, of a change’s plan, or of touching hosts')
      .option('--hosts', 'the references are hosts'),
    async (context, [refs], options) => {
      const client = await context.client();
      if (refs![0]!.startsWith('change_')) {
        const change = await client.getChange({ params: { id: refs![0]! } });
        if (!change.predicted) throw new UsageError('this change has no plan yet');
        return showImpact(context.output, change.predicted, namesIn(change.waves.flatMap((wave) => wave.tasks)));
      }
      const body = flag(options, 'hosts')
        ? { hostIds: await Promise.all(refs!.map((ref) => hostIdOf(client, ref))) }
        : { findings: await Promise.all(refs!.map((ref) => findingIdOf(client, ref))) };
      const [impact, hosts] = await Promise.all([client.previewImpact({ body }), client.listHosts()]);
      const nameOf = namesIn(hosts.items.map(({ id, name }) => ({ hostId: id, hostName: name })));
      showImpact(context.output, impact, nameOf);
    },
  );
  does(
    root
      .command('dependencies')
      .description('Who connects to whom, as agents saw it')
      .option('--host <host>', 'only of this host'),
    async (context, _, options) => {
      const client = await context.client();
      const host = text(options, 'host');
      const { items } = await client.listDependencies({ query: host ? { hostId: await hostIdOf(client, host) } : {} });
      list(
        context.output,
        items,
        [
          { title: 'CLIENT', of: (d) => `${d.clientName}${d.clientUnit ? ` (${d.clientUnit})` : ''}`, shrink: true },
          { title: 'NEEDS', of: (d) => `${d.serverName}:${d.port}`, shrink: true },
          { title: 'OPEN NOW', of: (d) => String(d.connections) },
        ],
        'No connections seen yet; agents report them.',
      );
    },
  );
  addException(root);
}

function addException(root: Command): void {
  const exception = root.command('exception').description('Accepted risk, with an owner and an end');
  does(
    exception
      .command('add')
      .description('Except findings, or an advisory, until a date')
      .option('--host <host>', 'of this host')
      .option('--kit <kit>', 'of this kit')
      .option('--check <check>', 'of this check')
      .option('--component <name>', 'in this component')
      .option('--advisory <id>', 'of what feeds say, instead of what kits find: on --host, on --hosts, or everywhere')
      .option('--hosts <expression>', 'the advisory on hosts with these tags: env=lab and not owner=web')
      .requiredOption('--reason <text>', 'why it is accepted')
      .requiredOption('--owner <name>', 'who answers for it')
      .requiredOption('--until <date>', 'end: a date or an instant such as 2026-12-31T18:00:00Z')
      .option('--control <text>', 'compensating control'),
    async (context, _, options) => {
      const client = await context.client();
      const until = new Date(text(options, 'until')!);
      if (Number.isNaN(until.getTime()))
        throw new UsageError(`--until "${text(options, 'until')}" is no date; write it as 2026-12-31`);
      const host = text(options, 'host');
      const parts = {
        hostId: host ? await hostIdOf(client, host) : undefined,
        kit: text(options, 'kit'),
        check: text(options, 'check'),
        component: text(options, 'component'),
        advisory: text(options, 'advisory'),
        hosts: text(options, 'hosts'),
      };
      const match = Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined));
      if (Object.keys(match).length === 0)
        throw new UsageError('say what is excepted: --host, --kit, --check, --component or --advisory');
      const made = await client.createException({
        body: {
          match,
          reason: text(options, 'reason')!,
          owner: text(options, 'owner')!,
          expiresAt: until.toISOString(),
          control: text(options, 'control') ?? null,
        },
      });
      show(context.output, made, [
        ['exception', made.id],
        ['ends', made.expiresAt],
      ]);
    },
  );
  does(
    exception
      .command('list')
      .description('List exceptions')
      .option('--all', 'ended ones too')
      .option('--unused', 'only those that cover no finding any more'),
    async (context, _, options) => {
      const client = await context.client();
      const found = await client.listExceptions({ query: flag(options, 'all') ? {} : { active: 'true' } });
      const all = found.items as Exception[];
      const items = flag(options, 'unused') ? all.filter(isUnused) : all;
      const hosts = new Map((await client.listHosts()).items.map((host) => [host.id, host.name]));
      list(
        context.output,
        items,
        [
          { title: 'ID', of: (e) => short(e.id) },
          {
            title: 'COVERS',
            of: (e) =>
              Object.entries(e.match)
                .map(([key, value]) =>
                  key === 'hostId' ? `host=${hosts.get(String(value)) ?? value}` : `${key}=${value}`,
                )
                .join(' '),
            shrink: true,
          },
          { title: 'COVERS NOW', of: coversNow },
          { title: 'OWNER', of: (e) => e.owner, shrink: true },
          { title: 'ENDS', of: (e) => (e.endedAt ?? e.expiresAt).slice(0, 16) },
          { title: 'REASON', of: (e) => e.reason, shrink: true, drop: 1 },
        ],
        flag(options, 'unused') ? 'Every exception covers something.' : 'No exceptions.',
      );
    },
  );
  does(
    exception
      .command('end <id>')
      .description('End an exception now; its findings burn again')
      .option('--reason <text>', 'why'),
    async (context, [id], options) => {
      const reason = text(options, 'reason');
      const client = await context.client();
      const found = pick((await client.listExceptions({ query: {} })).items, id![0]!, 'exception', 'exception list');
      const ended = await client.endException({ params: { id: found.id }, body: reason ? { reason } : {} });
      show(context.output, ended, [['ended', found.id]]);
    },
  );
}

const isUnused = ({ endedAt, covers }: Exception): boolean => endedAt === null && covers?.now === 0;

/** "none any more" asks for somebody to end it: what it was for is gone. */
function coversNow(exception: Exception): string {
  if (!isUnused(exception)) {
    const now = exception.covers?.now ?? 0;
    return exception.match.advisory === undefined ? String(now) : count(now, 'host');
  }
  return (exception.covers?.gone ?? 0) > 0 ? 'none any more' : 'none';
}
