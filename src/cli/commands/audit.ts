import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import { EXIT, Exit } from '../exit.ts';
import { hostIdOf } from '../lookup.ts';
import { count, list, show } from '../output.ts';
import { does } from '../run.ts';
import { addFindings } from './findings.ts';
import { NOBODY_LOOKED } from '../views.ts';

export function addAudit(root: Command): void {
  addKit(root);
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
      else if (found.hosts.length > 0 || found.unknown.length > 0 || (await client.listHosts()).items.length > 0)
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
  for (const host of found.unknown) output.err(`not known: ${host.hostName}: ${host.why}`);
}

function noneAffected({ unknown }: Affected): string {
  if (unknown.length === 0) return 'Nothing that we know of is affected.';
  return `Nothing that we know of is affected, but of ${count(unknown.length, 'host')} it is not known, for the reasons given. Where nobody has looked: lastember deploy --unknown, then lastember audit`;
}

function addKit(root: Command): void {
  const kit = root.command('kit').description('Kits: checks, remediation and texts');
  does(kit.command('list').description('List kits'), async (context) => {
    const { items } = await (await context.client()).listKits();
    list(
      context.output,
      items,
      [
        { title: 'KIT', of: (k) => k.kit.kit },
        { title: 'VERSION', of: (k) => k.kit.version },
        { title: 'CHECKS', of: (k) => String(k.kit.checks.length) },
        { title: 'TITLE', of: (k) => k.kit.title, shrink: true },
        { title: 'DIGEST', of: (k) => k.digest.slice(0, 12), drop: 1 },
      ],
      'No kits.',
    );
  });
  does(kit.command('show <kit>').description('What a kit checks and how it is remediated'), async (context, [id]) => {
    const { kit: found, digest } = await (await context.client()).getKit({ params: { id: id![0]! } });
    if (context.output.json) return context.output.out(JSON.stringify({ kit: found, digest }, null, 2));
    show(context.output, null, [
      ['kit', `${found.kit} ${found.version}`],
      ['title', found.title],
      ['digest', digest],
      ['summary', found.summary],
      ['risk', found.texts.risk],
    ]);
    context.output.out('');
    const fixed = new Set(found.remediate.flatMap((one) => one.fixes));
    list(
      context.output,
      found.checks,
      [
        { title: 'CHECK', of: (c) => c.id },
        { title: 'SEVERITY', of: (c) => c.severity },
        { title: 'REMEDIATION', of: (c) => (fixed.has(c.id) ? 'yes' : 'by hand') },
        { title: 'TITLE', of: (c) => c.title, shrink: true },
      ],
      'No checks.',
    );
  });
}
