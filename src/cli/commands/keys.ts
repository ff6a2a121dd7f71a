import type { Command } from 'commander';
import { KEY_PLACE_WORDS, type PublicKey, type PublicKeys } from '../../model/key.ts';
import { UsageError } from '../exit.ts';
import { hostIdOf, short } from '../lookup.ts';
import { ago, count, list, type Output, show } from '../output.ts';
import { does, number, text } from '../run.ts';

const NAME = /^(?:[0-9a-f]{4,64}|SHA256:[A-Za-z0-9+/]{0,43})$/;

export function addKeys(root: Command): void {
  does(
    root
      .command('keys [key]')
      .description('Public keys: where each is (hosts, files, TLS and SSH), whether it burnt, and which change has it')
      .option('--shared', 'only those that more than one host holds')
      .option('--burnt', 'only those that leaked, or were served where one leaked')
      .option('--host <host>', 'only those of this host: id, name or address')
      .option('--limit <n>', 'at most so many (default: 100)'),
    async (context, [given], options) => {
      const key = given?.[0];
      if (key !== undefined && !NAME.test(key))
        throw new UsageError('a key is named by its hash in hex, or as SHA256:… as ssh-keygen -l prints it');
      const client = await context.client();
      const host = text(options, 'host');
      const found = (await client.listPublicKeys({
        query: {
          limit: number(options, 'limit') ?? 100,
          ...(key === undefined ? {} : { key }),
          ...(host === undefined ? {} : { host: await hostIdOf(client, host) }),
          ...(options['shared'] ? { shared: 'true' as const } : {}),
          ...(options['burnt'] ? { burnt: 'true' as const } : {}),
        },
      })) as PublicKeys;
      if (context.output.json) return context.output.out(JSON.stringify(found, null, 2));
      if (key !== undefined && found.items.length === 1) return one(context.output, found.items[0]!);
      table(context.output, found, Boolean(options['shared']));
    },
  );
}

function table(output: Output, { items, more }: PublicKeys, shared: boolean): void {
  list<PublicKey>(
    output,
    items,
    [
      { title: 'KEY', of: ({ key }) => key.slice(0, 19) },
      { title: 'HOSTS', of: ({ hosts }) => String(hosts) },
      { title: 'LETS INTO', of: ({ admits }) => (admits > 0 ? count(admits, 'host') : ''), drop: 2 },
      { title: 'WHERE', of: whereOf, shrink: true },
      { title: 'SINCE', of: ({ since }) => (since ? ago(since) : 'earlier'), drop: 1 },
      { title: 'BURNT', of: ({ burnt }) => [...new Set(burnt.map(({ kit }) => kit))].join(', ') },
      { title: 'CHANGE', of: (key) => changesOf(key).map(short).join(', '), drop: 3 },
    ],
    shared
      ? 'No key is on more than one host, as far as anybody looked.'
      : 'No such key is known. Keys come with scans and with facts: lastember scan, lastember audit',
  );
  if (more) output.err('There are more: raise --limit, or name a key or --host.');
}

function one(output: Output, key: PublicKey): void {
  show(output, null, [
    ['key', `${key.key} (${key.kind === 'ssh' ? 'SSH' : 'TLS'})`],
    ['held by', count(key.hosts, 'host')],
    ...(key.admits > 0 ? [['lets into', count(key.admits, 'host')] as [string, string]] : []),
    ['since', key.since ?? 'before that was noted'],
    [
      'burnt',
      key.burnt.map(({ kit, endpoint, cause }) => `${kit}: ${endpoint}, ${cause}`).join('; ') ||
        'nothing is known against it',
    ],
    [
      'logged',
      key.logged.map(({ name, serial }) => `${name} (serial ${serial})`).join(', ') || 'in no log that was asked',
    ],
    ['findings', key.findings.map(({ id, state }) => `${short(id)} ${state}`).join(', ') || 'none'],
    ['changes', changesOf(key).map(short).join(', ') || 'none'],
  ]);
  output.out('');
  list(
    output,
    key.places,
    [
      { title: 'HOST', of: ({ hostName }) => hostName, shrink: true },
      { title: 'HOW', of: ({ kind, holds }) => (kind === 'file' && !holds ? 'certificate in' : KEY_PLACE_WORDS[kind]) },
      { title: 'WHERE', of: ({ place }) => place, shrink: true },
      { title: 'SERIAL', of: ({ serial }) => serial ?? '', drop: 1 },
      { title: 'SINCE', of: ({ since }) => (since ? ago(since) : 'earlier'), drop: 2 },
    ],
    'It is nowhere any more.',
  );
  if (key.total > key.places.length) output.err(`${key.total - key.places.length} more places are left out.`);
}

function whereOf({ places, total }: PublicKey): string {
  const first = places.slice(0, 3).map(({ hostName, place }) => `${hostName} ${place}`);
  return total > first.length ? `${first.join(', ')} and ${total - first.length} more` : first.join(', ');
}

const changesOf = ({ findings }: PublicKey): string[] => [
  ...new Set(findings.flatMap(({ changeId }) => (changeId === null ? [] : [changeId]))),
];
