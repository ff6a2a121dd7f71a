import { type Command, Option } from 'commander';
import { endpointName } from '../../model/endpoint-name.ts';
import { type Moment, MOMENT_WORDS, MomentKind } from '../../model/timeline.ts';
import { UsageError } from '../exit.ts';
import { hostIdOf } from '../lookup.ts';
import { list } from '../output.ts';
import { does, number, text } from '../run.ts';

const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export function addTimeline(root: Command): void {
  does(
    root
      .command('timeline')
      .description('What appeared, went, came back and changed its identity, newest first')
      .option('--since <when>', 'so long ago as 7d or 12h, or an instant (default: 7d)')
      .addOption(new Option('--kind <kinds>', `comma-separated: ${MomentKind.options.join(', ')}`))
      .option('--hosts-only', 'leave out what hosts serve')
      .option('--host <host>', 'of this host only: id, name or address')
      .option('--unknown', 'of hosts that nobody has claimed')
      .option('--limit <n>', 'at most so many (default: 200)'),
    async (context, _, options) => {
      const client = await context.client();
      const host = text(options, 'host');
      const kind =
        text(options, 'kind') ??
        (options['hostsOnly'] ? MomentKind.options.filter((one) => !one.startsWith('port-')).join(',') : undefined);
      const found = await client.getTimeline({
        query: {
          since: sinceOf(text(options, 'since') ?? '7d'),
          limit: number(options, 'limit') ?? 200,
          ...(kind === undefined ? {} : { kind: kind as never }),
          ...(host === undefined ? {} : { host: await hostIdOf(client, host) }),
          ...(options['unknown'] ? { claim: 'unknown' as const } : {}),
        },
      });
      if (context.output.json) return context.output.out(JSON.stringify(found, null, 2));
      list<Moment>(
        context.output,
        found.items as Moment[],
        [
          { title: 'AT', of: (m) => m.at.slice(0, 16).replace('T', ' ') },
          { title: 'HOST', of: (m) => m.host.name, shrink: true },
          { title: 'CLAIM', of: (m) => m.host.claim, drop: 1 },
          { title: 'WHAT', of: (m) => MOMENT_WORDS[m.kind] },
          { title: 'WHERE', of: (m) => whereOf(m), shrink: true },
          { title: 'WHY', of: (m) => m.why ?? '', shrink: true, drop: 2 },
        ],
        'Nothing appeared or disappeared in that time.',
      );
      if (found.next) context.output.err('There is more: raise --limit, or narrow --since and --kind.');
    },
  );
}

const whereOf = ({ address, port, transport, service }: Moment): string =>
  [
    port === null || address === null ? address : endpointName({ address, port, transport: transport ?? 'tcp' }),
    service,
  ]
    .filter((part) => part !== null)
    .join(' ');

function sinceOf(given: string, now = Date.now()): string {
  const [, amount, unit] = /^(\d{1,6})([mhd])$/.exec(given) ?? [];
  const at = amount ? new Date(now - Number(amount) * UNITS[unit as keyof typeof UNITS]) : new Date(given);
  if (Number.isNaN(at.getTime()))
    throw new UsageError(`--since takes a time such as 7d, or an instant, not "${given}"`);
  return at.toISOString();
}
