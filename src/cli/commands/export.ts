import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { type Command, Option } from 'commander';
import { request } from '../../client/client.ts';
import type { Context } from '../context.ts';
import { mustBeWritable } from '../file.ts';
import { hostIdOf } from '../lookup.ts';
import { collect, does, text, texts } from '../run.ts';

export function addExport(root: Command): void {
  const commands = root.command('export').description('Files for other tools, in the formats that they read');
  does(
    withFile(commands.command('findings').description('Findings: SARIF 2.1.0, CSV or JSON lines'), [
      'csv',
      'jsonl',
      'sarif',
    ])
      .option('--kit <kit>', 'only this kit’s')
      .option('--host <host>', 'only this host’s')
      .option(
        '--state <state>',
        'open, planned, excepted, fixed, rekindled or not-applicable (may be repeated; default: all)',
        collect,
      ),
    async (context, _, options) => {
      const [kit, host, states] = [text(options, 'kit'), text(options, 'host'), texts(options, 'state')];
      const query = {
        format: text(options, 'format'),
        ...(kit ? { kit } : {}),
        ...(host ? { host: await hostIdOf(await context.client(), host) } : {}),
        ...(states.length > 0 ? { state: states } : {}),
      };
      await save(context, 'exportFindings', { query }, text(options, 'out'));
    },
  );
  does(
    withFile(
      commands.command('sbom <host>').description('All packages, libraries and snaps of a host: CycloneDX 1.6'),
      ['cyclonedx'],
    ),
    async (context, [host], options) => {
      const params = { id: await hostIdOf(await context.client(), host![0]!) };
      await save(context, 'exportSbom', { params, query: { format: text(options, 'format') } }, text(options, 'out'));
    },
  );
  does(
    withFile(
      commands
        .command('vex')
        .description('What is affected, not affected, fixed or under investigation on the whole estate'),
      ['openvex', 'cyclonedx'],
    ).option('--cve <id>', 'only this advisory'),
    async (context, _, options) => {
      const cve = text(options, 'cve');
      const query = { format: text(options, 'format'), ...(cve ? { cve } : {}) };
      await save(context, 'exportVex', { query }, text(options, 'out'));
    },
  );
}

const withFile = (command: Command, formats: readonly string[]): Command =>
  command
    .addOption(new Option('--format <format>', 'what is written').choices(formats).default(formats[0]!))
    .option('--out <file>', 'write to a file (default: standard output)');

/** A file appears when it is whole, or not at all. */
async function save(
  context: Context,
  id: Parameters<typeof request>[1],
  input: Parameters<typeof request>[2],
  out: string | undefined,
): Promise<void> {
  if (out !== undefined) await mustBeWritable(out);
  const reply = await request(await context.connection(), id, input);
  const content = Readable.fromWeb(reply.body as ReadableStream);
  if (out === undefined) return pipeline(content, process.stdout, { end: false });
  const part = `${out}.part`;
  try {
    await pipeline(content, createWriteStream(part));
    await rename(part, out);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  context.output.err(`wrote ${out}`);
}
