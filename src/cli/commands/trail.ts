import { createReadStream, createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { readFile, stat, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { request, type Client } from '../../client/client.ts';
import type { TrailVerdict } from '../../model/trail.ts';
import { EXIT, Exit, UsageError } from '../exit.ts';
import { ago, list, show } from '../output.ts';
import { does, number, text } from '../run.ts';
import { mustBeWritable } from '../file.ts';
import { changeIdOf, hostIdOf } from '../lookup.ts';

const FORMATS = ['html', 'md', 'json'] as const;
const KINDS = ['change', 'host', 'campaign'] as const;
/** What the document is about, as people name it → its id. */
const SUBJECT: Record<(typeof KINDS)[number], (client: Client, ref: string) => Promise<string>> = {
  change: changeIdOf,
  host: hostIdOf,
  campaign: async (_, kit) => kit,
};

function oneOf<T extends string>(allowed: readonly T[], given: string, what: string): T {
  const found = allowed.find((value) => value === given);
  if (!found) throw new UsageError(`${what} takes ${allowed.join(', ')}, not "${given}"`);
  return found;
}

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
          limit: number(options, 'limit') ?? 50,
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
          { title: 'WHAT', of: (e) => e.entry.type, shrink: true },
          { title: 'ABOUT', of: (e) => e.entry.subject.name ?? e.entry.subject.id, shrink: true },
          { title: 'WHO', of: (e) => e.entry.actor.name, shrink: true },
        ],
        'Nothing has happened yet.',
      );
    },
  );
  does(trail.command('show <index>').description('One entry, whole'), async (context, [index]) => {
    const client = await context.client();
    if (!/^\d+$/.test(index![0]!)) throw new UsageError(`an entry is named by its number, not "${index![0]}"`);
    const entry = await client.getTrailEntry({ params: { index: Number(index![0]) } });
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
      if (file![0] !== '-') await mustBeWritable(file![0]!);
      const reply = await request(await context.connection(), 'exportTrail', {});
      const content = Readable.fromWeb(reply.body as ReadableStream);
      if (file![0] === '-') return pipeline(content, process.stdout, { end: false });
      const target = createWriteStream(file![0]!);
      await pipeline(content, target);
      show(context.output, { file: file![0], bytes: target.bytesWritten }, [
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
        ...verdict.notes.map((note): [string, string] => ['note', note]),
      ]);
      if (!verdict.verified) throw new Exit(EXIT.negative);
    },
  );
  addReport(root);
}

async function mustBeThere(file: string): Promise<void> {
  if (await stat(file).catch(() => null)) return;
  throw new UsageError(
    `there is no file ${file}; write the trail to one with \`lastember trail export FILE\`, then verify that`,
  );
}

/** C2SP signed-note verifier key. */
const isKeyLine = (text: string): boolean => /^[^+\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+$/.test(text.trim());

async function verifyFile(
  file: string,
  checkpointFile: string | undefined,
  key: string | undefined,
): Promise<TrailVerdict> {
  await mustBeThere(file);
  const { splitCheckpoints, splitLines, verifyTrail } = await import('../../loop/trail/verify/index.ts');
  if (key !== undefined && !isKeyLine(key))
    throw new UsageError('--key takes a verifier key line: NAME+HEX+BASE64, as `lastember trail key` prints it');
  const remembered = checkpointFile ? { remembered: splitCheckpoints(await readFile(checkpointFile, 'utf8')) } : {};
  return verifyTrail(splitLines(createReadStream(file)), { ...remembered, ...(key ? { key } : {}) });
}

function addReport(root: Command): void {
  does(
    root
      .command('report <kind> <id>')
      .description('A document from the trail alone: change, host or campaign')
      .option('--format <format>', 'html, md or json', 'md')
      .option('--out <file>', 'write to a file'),
    async (context, [kind, id], options) => {
      const format = oneOf(FORMATS, context.output.json ? 'json' : text(options, 'format')!, '--format');
      const about = oneOf(KINDS, kind![0]!, 'the first argument');
      const params = { kind: about, id: await SUBJECT[about](await context.client(), id![0]!) };
      const reply = await request(await context.connection(), 'getDocument', { params, query: { format } });
      const out = text(options, 'out');
      if (!out) return void process.stdout.write(await reply.text());
      await writeFile(out, Buffer.from(await reply.arrayBuffer()));
      context.output.err(`wrote ${out}`);
    },
  );
}
