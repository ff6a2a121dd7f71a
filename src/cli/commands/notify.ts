import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { NoticeTopic, type Notifier, NotifierChannel, TOPIC_WORDS } from '../../model/notice.ts';
import { UsageError } from '../exit.ts';
import { ago, list, show } from '../output.ts';
import { collect, does, text, texts, type Options } from '../run.ts';

export function addNotify(root: Command): void {
  const notify = root.command('notify').description('Tell a hook, a chat or a mailbox of what happens');
  addAdd(notify);
  does(notify.command('list').description('Who is told of what, and how that went'), async (context) => {
    const { items } = await (await context.client()).listNotifiers();
    list(
      context.output,
      items,
      [
        { title: 'NAME', of: (n) => n.name, shrink: true },
        { title: 'KIND', of: (n) => n.kind },
        { title: 'TO', of: (n) => n.to, shrink: true },
        { title: 'OF', of: (n) => n.topics.join(', '), shrink: true },
        { title: 'GATHERS', of: (n) => `${Math.round(n.gather / 60)} min`, drop: 1 },
        { title: 'SENT', of: (n) => String(n.sent), drop: 2 },
        { title: 'LAST SENT', of: (n) => (n.lastSentAt ? ago(n.lastSentAt) : 'never') },
        { title: 'ERROR', of: (n) => n.lastError ?? '', shrink: true },
      ],
      'Nobody is told. Add somebody: lastember notify add ops --email ops@example.org --smtp mail.example.org:587 --from lastember@example.org',
    );
  });
  does(notify.command('topics').description('What one can be told of'), async (context) =>
    list(
      context.output,
      NoticeTopic.options.map((topic) => ({ topic, what: TOPIC_WORDS[topic] })),
      [
        { title: 'TOPIC', of: (one) => one.topic },
        { title: 'WHEN', of: (one) => one.what },
      ],
      'There are none.',
    ),
  );
  does(
    notify.command('test <name>').description('Send a message that says it is a test, now'),
    async (context, [name]) => {
      const found = await (await context.client()).testNotifier({ params: { id: name![0]! } });
      show(context.output, found, [['arrived', `${found.name} (${found.to})`]]);
    },
  );
  does(notify.command('remove <name>').description('Tell it nothing any more'), async (context, [name]) => {
    await (await context.client()).removeNotifier({ params: { id: name![0]! } });
    show(context.output, { removed: name![0]! }, [['removed', name![0]!]]);
  });
}

function addAdd(notify: Command): void {
  does(
    notify
      .command('add <name>')
      .description('Tell somebody from now on: one of --webhook, --chat-file and --email')
      .option('--webhook <url>', 'post JSON to this URL')
      .option('--key-file <file>', 'with --webhook: the key that signs each message, - for standard input')
      .option('--chat-file <file>', 'post to the incoming hook of a chat; its URL is a secret, so it comes from a file')
      .option('--email <address>', 'send mail to this address (may be repeated)', collect)
      .option('--smtp <host:port>', 'with --email: the mail server')
      .option('--from <address>', 'with --email: the sender')
      .option('--user <name>', 'with --email: the login at the mail server')
      .option('--password-file <file>', 'with --email: its password, - for standard input')
      .addOption(
        new Option('--security <how>', 'with --email (default: starttls)').choices(['starttls', 'tls', 'none']),
      )
      .option('--ca-file <file>', 'PEM of the authority of its certificate, where that is not a public one')
      .option('--on <topics>', 'what to tell of, comma-separated; all: everything (default: unknown-host)')
      .option('--gather <minutes>', 'gather news for at most so long, so that much of it is one message (default: 15)'),
    async (context, [name], options) => {
      const made: Notifier = await (
        await context.client()
      ).addNotifier({
        body: {
          name: name![0]!,
          channel: await channelOf(options),
          topics: topicsOf(text(options, 'on')),
          gather: gatherOf(text(options, 'gather')),
        },
      });
      show(context.output, made, [
        ['notifier', `${made.name} (${made.kind})`],
        ['to', made.to],
        ['of', made.topics.join(', ')],
        ['next', `lastember notify test ${made.name}`],
      ]);
    },
  );
}

function topicsOf(given: string | undefined): NoticeTopic[] {
  if (given === undefined) return ['unknown-host'];
  if (given === 'all') return [...NoticeTopic.options];
  return given.split(',').map((one) => {
    const topic = NoticeTopic.safeParse(one.trim());
    if (!topic.success) throw new UsageError(`there is no topic "${one}"; list them with \`lastember notify topics\``);
    return topic.data;
  });
}

function gatherOf(given: string | undefined): number {
  const minutes = given === undefined ? 15 : Number(given);
  if (Number.isFinite(minutes) && minutes >= 0 && minutes <= 1440) return Math.round(minutes * 60);
  throw new UsageError(`--gather takes minutes from 0 to 1440, not "${given}"`);
}

const contentOf = async (file: string): Promise<string> =>
  (await readFile(file === '-' ? '/dev/stdin' : file, 'utf8')).trim();

async function fileOf<K extends string>(options: Options, option: string, key: K): Promise<Partial<Record<K, string>>> {
  const file = text(options, option);
  return (file === undefined ? {} : { [key]: await contentOf(file) }) as Partial<Record<K, string>>;
}

async function channelOf(options: Options): Promise<NotifierChannel> {
  const to = texts(options, 'email');
  const webhook = text(options, 'webhook');
  const chat = text(options, 'chatFile');
  const kinds = [to.length > 0, webhook !== undefined, chat !== undefined].filter(Boolean).length;
  if (kinds !== 1) throw new UsageError('give one of --webhook, --chat-file and --email');
  const ca = await fileOf(options, 'caFile', 'ca');
  const given =
    webhook !== undefined
      ? { kind: 'webhook', url: webhook, ...(await fileOf(options, 'keyFile', 'key')), ...ca }
      : chat !== undefined
        ? { kind: 'chat', url: await contentOf(chat), ...ca }
        : { ...(await mailOf(options)), to, ...ca };
  const channel = NotifierChannel.safeParse(given);
  if (channel.success) return channel.data;
  const issue = channel.error.issues[0]!;
  throw new UsageError(`${issue.path.join('.')} ${issue.message}`);
}

async function mailOf(options: Options): Promise<object> {
  for (const needed of ['smtp', 'from'])
    if (text(options, needed) === undefined) throw new UsageError(`--email needs --${needed}`);
  const user = text(options, 'user');
  return {
    kind: 'email',
    smtp: text(options, 'smtp'),
    from: text(options, 'from'),
    security: text(options, 'security') ?? 'starttls',
    ...(user === undefined ? {} : { user }),
    ...(await fileOf(options, 'passwordFile', 'password')),
  };
}
