import { readFile } from 'node:fs/promises';
import type { Client } from '../client/client.ts';
import type { Context } from './context.ts';
import { EXIT, Exit, UsageError } from './exit.ts';
import { list } from './output.ts';
import { text, type Options } from './run.ts';

type Deployment = Awaited<ReturnType<Client['getDeployment']>>;
/** How to deploy, whatever names the hosts. */
export type How = Omit<Parameters<Client['deployList']>[0]['body'], 'text'>;
/** Other ways of naming hosts, and a login that is handed to none but those that are named. */
const INSTEAD = ['unknown', 'tag', 'retry', 'login', 'keyFile', 'passwordFile', 'become'];
/** Others begin later, or when somebody signed. */
const ENDS: ReadonlySet<string> = new Set(['running', 'done', 'cancelled']);

/** Takes hosts from a list and deploys to them; says for each row how it went. */
export async function deployFrom(
  context: Context,
  client: Client,
  hosts: readonly string[],
  options: Options,
  { how, follow }: { how: How; follow: (id: string) => Promise<Deployment> },
): Promise<void> {
  const file = text(options, 'from')!;
  if (hosts.length > 0 || INSTEAD.some((name) => options[name] !== undefined))
    throw new UsageError(
      '--from names the hosts and their logins: it goes with no host, --unknown, --tag, --retry or --login',
    );
  const named = await readFile(file === '-' ? '/dev/stdin' : file, 'utf8');
  const { imported, rows, deployments } = await client.deployList({ body: { text: named, ...how } });
  const begun = await Promise.all(deployments.map((id) => client.getDeployment({ params: { id } })));
  const done: Deployment['hosts'] = [];
  for (const one of begun) {
    const waits = options['wait'] === false || !ENDS.has(one.state);
    if (waits) context.output.err(`deployment ${one.id}: ${one.state.replace('-', ' ')}`);
    done.push(...(waits ? one : await follow(one.id)).hosts);
  }
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
  if (shown.some(({ result }) => result !== 'done' && result !== 'waiting' && result !== 'running'))
    throw new Exit(EXIT.negative);
}
