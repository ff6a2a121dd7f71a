import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import { Framework, FRAMEWORKS } from '../../model/kit.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../exit.ts';
import { list, show } from '../output.ts';
import { does, text } from '../run.ts';
import { addKitFiles, readKitAt } from './kit-files.ts';

type Check = Awaited<ReturnType<Client['getKit']>>['kit']['checks'][number];

export function addKits(root: Command): void {
  const kit = root.command('kit').alias('kits').description('Kits: checks, remediation and texts');
  addListing(kit);
  addControls(kit);
  addKitFiles(kit);
  addInstalling(kit);
}

function addListing(kit: Command): void {
  does(kit.command('list').description('List kits'), async (context) => {
    const { items } = await (await context.client()).listKits();
    list(
      context.output,
      items,
      [
        { title: 'KIT', of: (k) => k.kit.kit },
        { title: 'VERSION', of: (k) => k.kit.version },
        { title: 'CHECKS', of: (k) => String(k.kit.checks.length) },
        { title: 'FROM', of: (k) => (k.origin === 'shipped' ? 'this release' : vouched(k.signedBy)), drop: 2 },
        { title: 'TITLE', of: (k) => k.kit.title, shrink: true },
        { title: 'DIGEST', of: (k) => k.digest.slice(0, 12), drop: 1 },
      ],
      'No kits.',
    );
  });
  does(kit.command('show <kit>').description('What a kit checks and how it is remediated'), async (context, [id]) => {
    const found = await (await context.client()).getKit({ params: { id: id![0]! } });
    if (context.output.json) return context.output.out(JSON.stringify(found, null, 2));
    showKit(context, found);
  });
}

const vouched = (signedBy: string | null): string =>
  signedBy === null ? 'pinned' : `signed ${signedBy.slice(16, 24)}`;

function showKit(context: Context, { kit, digest }: Awaited<ReturnType<Client['getKit']>>): void {
  const fixed = new Set(kit.remediate.flatMap((one) => one.fixes));
  const alone = kit.checks.filter((check) => !fixed.has(check.id));
  show(context.output, null, [
    ['kit', `${kit.kit} ${kit.version}`],
    ['title', kit.title],
    ['digest', digest],
    ['summary', kit.summary],
    ['risk', kit.texts.risk],
  ]);
  context.output.out('');
  list(
    context.output,
    kit.checks,
    [
      { title: 'CHECK', of: (c) => c.id },
      { title: 'SEVERITY', of: (c) => c.severity },
      { title: 'REMEDIATION', of: (c) => (fixed.has(c.id) ? 'yes' : 'by hand') },
      { title: 'CONTROLS', of: controlsOf, shrink: true, drop: 1 },
      { title: 'TITLE', of: (c) => c.title, shrink: true },
    ],
    'No checks.',
  );
  if (alone.length === 0) return;
  context.output.out('\nNo step can put these right; what a person does:');
  for (const { id, byHand } of alone)
    context.output.out(`  ${id}: ${byHand ?? 'see why it matters, and its references'}`);
}

const controlsOf = ({ controls }: Check): string =>
  Framework.options.flatMap((framework) => controls[framework] ?? []).join(' ');

function addControls(kit: Command): void {
  const command = kit
    .command('controls')
    .description('Which control of CIS, NIST or PCI DSS is served by which checks')
    .option('--framework <name>', Framework.options.join(', '))
    .option('--id <id>', 'only this control');
  does(command, async (context, _, options) => {
    const [framework, id] = [text(options, 'framework'), text(options, 'id')];
    const known = Framework.safeParse(framework);
    if (framework !== undefined && !known.success)
      throw new UsageError(`--framework takes ${Framework.options.join(', ')}, not "${framework}"`);
    const query = { ...(known.success ? { framework: known.data } : {}), ...(id === undefined ? {} : { id }) };
    const { items } = await (await context.client()).listControls({ query });
    list(
      context.output,
      items,
      [
        { title: 'FRAMEWORK', of: (c) => FRAMEWORKS[c.framework] },
        { title: 'CONTROL', of: (c) => c.id },
        { title: 'BY HAND', of: (c) => String(c.checks.filter((one) => !one.remediation).length || '') },
        { title: 'CHECKS', of: (c) => c.checks.map((one) => `${one.kit}/${one.check}`).join(' '), shrink: true },
      ],
      'No check serves such a control.',
    );
  });
}

function addInstalling(kit: Command): void {
  const install = kit
    .command('install <source>')
    .description(
      'Judge hosts by a kit of yours: a folder, or a .tar or .tar.gz of one; signed, or pinned by its digest',
    )
    .option('--digest <sha256>', 'digest that the kit has to have, as `kit verify` prints it');
  does(install, async (context, [source], options) => {
    const { text: yaml, signature } = await readKitAt(source![0]!);
    const digest = text(options, 'digest') ?? null;
    const { kit: found, ...rest } = await (
      await context.client()
    ).installKit({ body: { text: yaml, signature, digest } });
    show(context.output, { kit: found.kit, version: found.version, ...rest }, [
      ['installed', `${found.kit} ${found.version}`],
      ['digest', rest.digest],
      ['vouched for', vouched(rest.signedBy)],
      ['next', 'lastember audit, then lastember findings'],
    ]);
  });
  does(kit.command('remove <kit>').description('Judge no host by it any more'), async (context, [id]) => {
    await (await context.client()).removeKit({ params: { id: id![0]! } });
    show(context.output, { removed: id![0]! }, [['removed', id![0]!]]);
  });
}
