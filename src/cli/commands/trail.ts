import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { TrailVerdict } from '../../model/trail.ts';
import type { Context } from '../context.ts';
import { EXIT, Exit, UsageError } from '../exit.ts';
import { ago, list, show } from '../output.ts';
import { does, text } from '../run.ts';
import { hostIdOf } from '../lookup.ts';

const FORMATS = ['html', 'md', 'json'];

export function addTrail(root: Command): void {
  const trail = root.command('trail').description('What happened: every action, tamper-evident');
  does(
    trail
      .command('list')
      .description('Entries, newest first')
      .option('--type <prefix>', 'e.g. change or audit.findings')
      .option('--host <host>', 'only what belongs to this host')
      .option('--limit <n>', 'how many', '50'),
    async (context, _, options) => {
      const client = await context.client();
      const host = text(options, 'host');
      const type = text(options, 'type');
      const { items } = await client.listTrail({
        query: {
          limit: Number(text(options, 'limit')),
          ...(type ? { type } : {}),
          ...(host ? { host: await hostIdOf(client, host) } : {}),
        },
      });
      list(
        context.output,
        items,
        [
          { title: '#', of: (e) => String(e.index ?? '…') },
          { title: 'WHEN', of: (e) => ago(e.entry.at) },
          { title: 'WHAT', of: (e) => e.entry.type },
          { title: 'ABOUT', of: (e) => e.entry.subject.name ?? e.entry.subject.id, shrink: true },
          { title: 'WHO', of: (e) => e.entry.actor.name },
        ],
        'Nothing has happened yet.',
      );
    },
  );
  does(trail.command('show <index>').description('One entry, whole'), async (context, [index]) => {
    const entry = await (await context.client()).getTrailEntry({ params: { index: Number(index![0]) } });
    context.output.out(JSON.stringify(entry, null, 2));
  });
  does(
    trail.command('checkpoint').description('The latest signed checkpoint: size and root of the tree'),
    async (context) => {
      const checkpoint = await (await context.client()).getTrailCheckpoint();
      if (context.output.json) return context.output.out(JSON.stringify(checkpoint, null, 2));
      context.output.out(checkpoint.text.trimEnd());
    },
  );
  does(trail.command('key').description('The verifier key of the checkpoints'), async (context) => {
    const key = await (await context.client()).getTrailKey();
    show(context.output, key, [['key', key.verifierKey]]);
  });
  does(
    trail
      .command('export <file>')
      .description('Write the whole trail to a file for offline verification (- for standard output)'),
    async (context, [file]) => {
      const content = await download(context, '/trail/export');
      if (file![0] === '-') return void process.stdout.write(content);
      await writeFile(file![0]!, content);
      show(context.output, { file: file![0], bytes: Buffer.byteLength(content) }, [
        ['wrote', file![0]!],
        ['check it', `lastember trail verify ${file![0]}`],
      ]);
    },
  );
  does(
    trail
      .command('verify [file]')
      .description('Verify an exported trail offline, or the server’s own with no file; exit 1 when it does not hold')
      .option('--checkpoint <file>', 'a checkpoint that was kept elsewhere: also finds rewriting and truncation')
      .option('--key <line>', 'verifier key that must have signed (default: the one in the export)'),
    async (context, [file], options) => {
      const verdict = file?.[0]
        ? await verifyFile(file[0], text(options, 'checkpoint'), text(options, 'key'))
        : await (await context.client()).verifyTrail();
      show(context.output, verdict, [
        ['verified', verdict.verified ? 'yes' : 'NO'],
        ['entries', String(verdict.size)],
        ['root', verdict.root],
        ...verdict.problems.map((problem): [string, string] => ['problem', problem]),
      ]);
      if (!verdict.verified) throw new Exit(EXIT.negative);
    },
  );
  addReport(root);
}

async function verifyFile(
  file: string,
  checkpointFile: string | undefined,
  key: string | undefined,
): Promise<TrailVerdict> {
  const { splitCheckpoints, splitLines, verifyTrail } = await import('../../loop/trail/verify/index.ts');
  const remembered = checkpointFile ? { remembered: splitCheckpoints(await readFile(checkpointFile, 'utf8')) } : {};
  return verifyTrail(splitLines(createReadStream(file)), { ...remembered, ...(key ? { key } : {}) });
}

async function download(context: Context, path: string): Promise<string> {
  const { url, token } = await context.connection();
  const reply = await fetch(`${url}/api/v1${path}`, { headers: token ? { authorization: `Bearer ${token}` } : {} });
  const content = await reply.text();
  if (!reply.ok) {
    const { error } = JSON.parse(content) as { error: { message: string } };
    throw new UsageError(error.message);
  }
  return content;
}

function addReport(root: Command): void {
  does(
    root
      .command('report <kind> <id>')
      .description('A document from the trail alone: change, host or campaign')
      .option('--format <format>', 'html, md or json', 'md')
      .option('--out <file>', 'write to a file')
      .addHelpText('after', '\nExample: lastember report change CHANGE --format html --out record.html'),
    async (context, [kind, id], options) => {
      const format = context.output.json ? 'json' : text(options, 'format')!;
      if (!FORMATS.includes(format)) throw new UsageError(`--format takes ${FORMATS.join(', ')}`);
      const subject = kind![0] === 'host' ? await hostIdOf(await context.client(), id![0]!) : id![0]!;
      const content = await download(
        context,
        `/documents/${encodeURIComponent(kind![0]!)}/${encodeURIComponent(subject)}?format=${format}`,
      );
      const out = text(options, 'out');
      if (!out) return context.output.out(content);
      await writeFile(out, content);
      context.output.err(`wrote ${out}`);
    },
  );
}
