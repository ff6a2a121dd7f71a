import { readFile } from 'node:fs/promises';
import type { Client } from '../client/client.ts';
import type { Context } from './context.ts';
import { EXIT, Exit } from './exit.ts';
import { list } from './output.ts';
import { flag, text, texts, type Options } from './run.ts';

type Deployment = Awaited<ReturnType<Client['getDeployment']>>;

/** Takes hosts from a list and deploys to them; says for each row how it went. */
export async function deployFrom(
  context: Context,
  client: Client,
  options: Options,
  follow: (id: string) => Promise<Deployment>,
): Promise<void> {
  const file = text(options, 'from')!;
  const credentials = texts(options, 'credential');
  const { imported, rows, deployments } = await client.deployList({
    body: {
      text: await readFile(file === '-' ? '/dev/stdin' : file, 'utf8'),
      force: flag(options, 'force'),
      ...(credentials.length ? { credentials } : {}),
    },
  });
  const done: Deployment['hosts'] = [];
  for (const id of deployments) done.push(...(await follow(id)).hosts);
  const shown = rows.map((row) => {
    const host = done.find(({ hostId }) => hostId === row.hostId);
    return { ...row, result: host?.state ?? (imported ? 'recorded' : 'not taken'), why: row.why ?? host?.why ?? null };
  });
  list(
    context.output,
    shown,
    [
      { title: 'LINE', of: (row) => String(row.line) },
      { title: 'HOST', of: (row) => row.target, shrink: true },
      { title: 'RESULT', of: (row) => row.result },
      { title: 'WHY', of: (row) => row.why ?? '', shrink: true },
    ],
    'The list has no hosts.',
  );
  if (!imported && rows.length > 0)
    context.output.err('Nothing was taken: mend the rows that say why, and run it again.');
  if (shown.some(({ result }) => result !== 'done')) throw new Exit(EXIT.negative);
}
