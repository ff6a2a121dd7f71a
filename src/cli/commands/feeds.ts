import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import { type Feed, FeedKind } from '../../model/feed.ts';
import { UsageError } from '../exit.ts';
import { troubleOf } from '../feeds-health.ts';
import { ago, count, list, show } from '../output.ts';
import { collect, does, flag, pair, text, texts } from '../run.ts';

export function addFeeds(root: Command): void {
  const feed = root.command('feed').description('Feeds of advisories: what is known of vulnerabilities');
  addListing(feed);
  addAdding(feed);
  addTaking(feed);
  does(
    feed.command('remove <name>').description('Ask it no more, and forget what it said'),
    async (context, [name]) => {
      await (await context.client()).removeFeed({ params: { name: name![0]! } });
      show(context.output, { removed: name![0]! }, [['removed', name![0]!]]);
    },
  );
}

function addListing(feed: Command): void {
  does(feed.command('list').description('List feeds, and what is in force of each'), async (context) => {
    const { items } = await (await context.client()).listFeeds();
    const now = new Date();
    list(
      context.output,
      items,
      [
        { title: 'NAME', of: (f) => f.name, shrink: true },
        { title: 'KIND', of: (f) => f.kind },
        { title: 'SAYS', of: says },
        { title: 'MADE', of: (f) => (f.feedTime ? ago(f.feedTime) : '–') },
        { title: 'LAST TAKEN', of: (f) => (f.lastOkAt ? ago(f.lastOkAt) : 'never') },
        { title: 'TROUBLE', of: (f) => troubleOf(f, now)?.why ?? '', shrink: true },
      ],
      'No feeds yet. What can be one: lastember feed kinds',
    );
  });
  does(feed.command('kinds').description('What kinds of feeds there are, and what each asks for'), async (context) => {
    const { items } = await (await context.client()).listFeedKinds();
    list(
      context.output,
      items,
      [
        { title: 'KIND', of: (k) => k.kind },
        { title: 'TITLE', of: (k) => k.title, shrink: true },
        { title: '--set', of: (k) => Object.keys(k.needs).join(', ') },
        { title: 'KNOWS', of: (k) => (k.covers === 'all' ? '' : 'fixed issues only') },
      ],
      '',
    );
  });
}

function says({ counts, covers }: Feed): string {
  if (counts === null) return 'nothing yet';
  const of = counts.signals > counts.statements ? count(counts.signals, 'CVE') : count(counts.statements, 'statement');
  return covers === 'all' ? of : `${of}, fixed only`;
}

function addAdding(feed: Command): void {
  does(
    feed
      .command('add <name>')
      .description('Add a feed; it is fetched at once, and every six hours')
      .addOption(new Option('--kind <kind>', 'what it is').choices(FeedKind.options).makeOptionMandatory())
      .option('--set <key=value>', 'a setting (may be repeated)', collect)
      .option('--url <url>', 'where a mirror of it is (default: where it is published)')
      .option('--offline', 'never fetched: it comes as a file, with feed import'),
    async (context, [name], options) => {
      if (flag(options, 'offline') && text(options, 'url')) throw new UsageError('--offline has no --url');
      const url = flag(options, 'offline') ? null : text(options, 'url');
      const made = await (
        await context.client()
      ).addFeed({
        body: {
          name: name![0]!,
          kind: text(options, 'kind') as FeedKind,
          settings: Object.fromEntries(texts(options, 'set').map((one) => pair(one, '--set'))) as Record<
            string,
            string
          >,
          ...(url === undefined ? {} : { url }),
        },
      });
      show(context.output, made, [
        ['feed', `${made.name} (${made.kind})`],
        ['from', made.url ?? 'files that are handed over'],
        ['next', made.url === null ? `lastember feed import ${made.name} FILE` : 'lastember feed list'],
      ]);
    },
  );
}

function addTaking(feed: Command): void {
  does(
    feed.command('sync [name]').description('Fetch a feed now (default: every one that is fetched)'),
    async (context, [name]) => {
      const client = await context.client();
      const all = (await client.listFeeds()).items.filter(({ url }) => url !== null).map((one) => one.name);
      const names = name?.[0] === undefined ? all : [name[0]];
      for (const one of names) await client.syncFeed({ params: { name: one } });
      show(context.output, { asked: names }, [
        ['asked', names.join(', ') || 'none: no feed is fetched'],
        ['next', 'lastember feed list'],
      ]);
    },
  );
  does(
    feed
      .command('import <name> <file>')
      .description('Hand over a feed’s file, as it is published (JSON, CSV, .gz or .zip); - for standard input')
      .option('--shrunk', 'take it although it lost more than a fifth or is older: somebody has looked into why'),
    async (context, [name, file], options) => {
      const path = file![0]!;
      const bytes = await readFile(path === '-' ? '/dev/stdin' : path);
      const taken = await (
        await context.client()
      ).importFeed({
        params: { name: name![0]! },
        body: { file: bytes.toString('base64'), shrunk: flag(options, 'shrunk') },
      });
      show(context.output, taken, [
        ['feed', `${taken.name} (${taken.kind}) from ${basename(path)}`],
        ['says', says(taken)],
        ['made', taken.feedTime ?? '–'],
        ['digest', taken.digest ?? '–'],
      ]);
    },
  );
}
