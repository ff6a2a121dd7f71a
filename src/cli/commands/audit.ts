import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import { EXIT, Exit } from '../exit.ts';
import { hostIdOf } from '../lookup.ts';
import { count, list, show } from '../output.ts';
import { does } from '../run.ts';
import { addFindings } from './findings.ts';
import { NOBODY_LOOKED } from '../views.ts';

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
      else if (found.hosts.length > 0 || found.unknown.length > 0 || (await client.countHosts()).total > 0)
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
  for (const [why, hosts] of Map.groupBy(found.unknown, (host) => host.why)) {
    const named = hosts.slice(0, MOST_NAMED).map(({ hostName }) => hostName);
    const more = hosts.length - named.length;
    if (more === 0) for (const name of named) output.err(`not known: ${name}: ${why}`);
    else
      output.err(
        `not known: ${count(hosts.length, 'host')} (${named.join(', ')} and ${more} more; all: --json): ${why}`,
      );
  }
}

/** Of hosts that are not known for the same reason. */
const MOST_NAMED = 8;

function noneAffected({ unknown }: Affected): string {
  if (unknown.length === 0) return 'Nothing that we know of is affected.';
  return `Nothing that we know of is affected, but of ${count(unknown.length, 'host')} it is not known, for the reasons given. Where nobody has looked: lastember deploy --unknown, then lastember audit`;
}
