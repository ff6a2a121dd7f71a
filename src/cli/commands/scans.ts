import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { ApiError, request, type Client } from '../../client/client.ts';
import { estimateWords, progressWords, waitWords } from '../../model/scan-words.ts';
import type { Context } from '../context.ts';
import { EXIT, Exit, UsageError } from '../exit.ts';
import { ago, list, progress, show } from '../output.ts';
import { scanIdOf, short } from '../lookup.ts';
import { does, flag, number, text, type Options } from '../run.ts';
import { targetsFrom } from '../targets-file.ts';

export function addScan(root: Command): void {
  does(
    root
      .command('scan [target...]')
      .description('Scan scopes or CIDRs now, with progress, then say what is new')
      .option('--ports <ports>', 'profile or list of ports (default: the scope’s)')
      .option('--udp <ports>', 'UDP ports: none, default or a list (default: the scope’s)')
      .option('--targets-file <file>', 'more targets, one a line; - for standard input')
      .option('--known', 'only addresses where a host is known; empty space is left out')
      .option('--rate <n>', 'new connections per second, at most (never more than the scope’s)')
      .option('--dry-run', 'send nothing; say what it would cost: addresses, packets, time')
      .option('--no-wait', 'start it and return')
      .option('--confirm-wide', 'yes, wider than a /8 is meant'),
    async (context, [targets], options) => {
      const client = await context.client();
      const all = [...(targets ?? []), ...(await targetsFrom(text(options, 'targetsFile')))];
      const bodies = await bodiesOf(client, all, options);
      if (flag(options, 'dryRun')) return estimate(context, client, bodies);
      const scans = await Promise.all(bodies.map((body) => client.createScan({ body }).catch(explain(client, body))));
      const finished =
        options['wait'] === false ? scans : await Promise.all(scans.map((scan) => follow(context, client, scan.id)));
      list(
        context.output,
        finished,
        [
          { title: 'SCAN', of: (s) => short(s.id) },
          { title: 'STATE', of: stateOf },
          { title: 'WALK', of: (s) => s.kind, drop: 1 },
          { title: 'LOOKED AT', of: (s) => `${s.counts.done} of ${s.counts.targets}` },
          { title: 'OPEN', of: (s) => String(s.counts.open) },
          { title: 'NEW', of: (s) => String(s.counts.newHosts) },
          { title: 'CHANGED', of: (s) => String(s.counts.changed) },
          { title: 'OFFLINE', of: (s) => String(s.counts.offline) },
          { title: 'BACK', of: (s) => String(s.counts.back) },
          { title: 'BY', of: (s) => s.path ?? '' },
        ],
        'Nothing to scan.',
      );
      for (const { siteWhy } of finished) if (siteWhy) context.output.err(`lastember: ${siteWhy}; the scan waits`);
      for (const scan of finished) if (scan.waitsUntil) context.output.err(`lastember: ${waitWords(scan)}`);
      const failed = finished.find((scan) => scan.state === 'failed');
      if (failed) {
        context.output.err(`lastember: ${failed.error ?? 'the scan failed'}`);
        throw new Exit(EXIT.negative);
      }
    },
  );
}

type ScanReply = Awaited<ReturnType<Client['getScan']>>;

const stateOf = ({ state, waitsUntil, siteWhy }: ScanReply): string => (waitsUntil || siteWhy ? 'waiting' : state);

/** The scans there were and are, and what stops one. */
export function addScans(root: Command): void {
  const scans = root.command('scans').description('Scans, latest first, and how far each is');
  does(scans, async (context) => {
    const client = await context.client();
    const [{ items }, scopes] = await Promise.all([client.listScans(), client.listScopes()]);
    const names = new Map(scopes.items.map(({ id, name }) => [id, name]));
    list(
      context.output,
      items,
      [
        { title: 'SCAN', of: (s) => short(s.id) },
        {
          title: 'OF',
          of: (s) => (s.scopeId === null ? undefined : names.get(s.scopeId)) ?? s.targets.join(', '),
          shrink: true,
        },
        { title: 'STATE', of: stateOf },
        { title: 'WALK', of: (s) => s.kind, drop: 2 },
        { title: 'HOW FAR', of: progressWords, shrink: true },
        { title: 'FROM', of: (s) => s.site, shrink: true, drop: 3 },
        { title: 'BEGUN', of: (s) => (s.startedAt ? ago(s.startedAt) : '–'), drop: 1 },
      ],
      'No scans yet. What one would cost: lastember scan --dry-run',
    );
  });
  addFiles(scans);
  addKey(scans);
  addSteer(scans, 'pause', 'Rest a scan; what it found stays, and `scans resume` goes on where it stood', 'pauseScan');
  addSteer(scans, 'resume', 'Go on with a paused or failed scan where it stood', 'resumeScan');
  addSteer(scans, 'cancel', 'End a scan for good; what it found stays', 'cancelScan');
}

/** Scans as files. */
function addFiles(scans: Command): void {
  does(
    scans
      .command('export <id> <file>')
      .description('Write what is kept of what a scan saw to a file (gzip of JSON lines)'),
    async (context, [id, file]) => {
      const connection = await context.connection();
      const params = { id: await scanIdOf(await context.client(), id![0]!) };
      const reply = await request(connection, 'exportScan', { params });
      const bytes = Buffer.from(await reply.arrayBuffer());
      await writeFile(file![0]!, bytes);
      show(context.output, { file: file![0]!, bytes: bytes.length }, [
        ['written', `${file![0]!}, ${bytes.length} bytes`],
      ]);
    },
  );
  does(
    scans
      .command('replay <file>')
      .description('Rebuild from such a file what is not known here; twice the same changes nothing')
      .option('--key <key>', 'of another server (`scans key` there), whose files are believed')
      .option('--unsigned', 'yes, take one that nobody signed, whatever it says'),
    async (context, [file], options) => {
      const bytes = await readFile(file![0] === '-' ? '/dev/stdin' : file![0]!);
      const key = text(options, 'key');
      const trust = { unsigned: flag(options, 'unsigned'), ...(key === undefined ? {} : { key }) };
      const done = await (await context.client()).replayScan({ body: { file: bytes.toString('base64'), ...trust } });
      show(context.output, done, [
        ['scan', done.scan],
        ['signed by', done.signedBy ?? 'nobody'],
        ['taken', `${done.taken} addresses, ${done.looks} listeners, ${done.newHosts} new hosts`],
        ['known', `${done.known} addresses, left as they were`],
      ]);
    },
  );
}

function addKey(scans: Command): void {
  does(
    scans.command('key').description('The key that signs the files of scans of this server, for other servers'),
    async (context) => {
      const { key } = await (await context.client()).getScanKey();
      show(context.output, { key }, [['key', key]]);
    },
  );
}

function addSteer(
  scans: Command,
  verb: string,
  what: string,
  operation: 'pauseScan' | 'resumeScan' | 'cancelScan',
): void {
  does(scans.command(`${verb} <id>`).description(what), async (context, [id]) => {
    const client = await context.client();
    const scan = await client[operation]({ params: { id: await scanIdOf(client, id![0]!) } });
    show(context.output, scan, [
      ['scan', scan.id],
      ['state', stateOf(scan)],
      ['how far', progressWords(scan)],
      ...(scan.state === 'paused' ? [['next', `lastember scans resume ${short(scan.id)}`] as [string, string]] : []),
    ]);
  });
}

type Body = Parameters<Client['createScan']>[0]['body'];

async function bodiesOf(client: Client, targets: string[], options: Options): Promise<Body[]> {
  const scopes = (await client.listScopes()).items;
  const chosen = targets.length === 0 ? scopes : scopes.filter((scope) => targets.includes(scope.name));
  const addresses = targets.filter((target) => !scopes.some((scope) => scope.name === target));
  if (chosen.length + addresses.length === 0)
    throw new UsageError('there is no scope yet; add one with `lastember scope add NAME CIDR` or name a CIDR');
  const [ports, udp, rate] = [text(options, 'ports'), text(options, 'udp'), number(options, 'rate')];
  const how = {
    ...(ports ? { ports } : {}),
    ...(udp ? { udp } : {}),
    ...(rate === undefined ? {} : { rate }),
    ...(flag(options, 'known') ? { kind: 'known' as const } : {}),
  };
  return [
    ...chosen.map((scope) => ({ scope: scope.name, ...how })),
    ...(addresses.length ? [{ targets: addresses, confirmWide: flag(options, 'confirmWide'), ...how }] : []),
  ];
}

async function estimate(context: Context, client: Client, bodies: Body[]): Promise<void> {
  const asked = bodies.map(async (body) => {
    const costs = await client.estimateScan({ body }).catch(explain(client, body));
    return { scope: body.scope ?? null, targets: body.targets ?? [], ...costs };
  });
  const estimates = await Promise.all(asked);
  if (context.output.json) return context.output.out(JSON.stringify(estimates, null, 2));
  for (const one of estimates)
    show(context.output, one, [['scan of', one.scope ?? one.targets.join(', ')], ...estimateWords(one)]);
}

/** What did not work with a scan of words that are no addresses: perhaps they were meant as names of scopes. */
const explain =
  (client: Client, body: Body) =>
  async (error: unknown): Promise<never> => {
    throw body.scope === undefined ? noSuchScope(error, body.targets ?? [], (await client.listScopes()).items) : error;
  };

/** A word that no name server knows was meant as the name of a scope. */
function noSuchScope(error: unknown, targets: readonly string[], scopes: readonly { name: string }[]): unknown {
  const words = targets.filter((target) => !/[./:]/.test(target));
  if (words.length === 0 || !(error instanceof ApiError) || !NO_TARGET.includes(error.code)) return error;
  const names = scopes.map(({ name }) => name).join(', ');
  return new UsageError(
    `there is no scope or host "${words[0]}"${names ? `; the scopes are: ${names}` : ''}; list them with \`lastember scope list\``,
  );
}

const NO_TARGET: unknown[] = ['TARGETS_EMPTY', 'TARGET_INVALID'];

async function follow(context: Context, client: Client, id: string): Promise<ScanReply> {
  const bar = progress(context.output);
  for (;;) {
    const scan = await client.getScan({ params: { id } });
    bar.at(`scan ${scan.state}: ${progressWords(scan)}`);
    // It goes on by itself; that may be tomorrow.
    if (!['queued', 'running', 'paused'].includes(scan.state) || scan.waitsUntil || scan.siteWhy) {
      bar.done();
      return scan;
    }
    await sleep(300);
  }
}
