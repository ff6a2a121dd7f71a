import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { readEnv } from '../env.ts';
import { UsageError } from '../exit.ts';
import { ago, list, show } from '../output.ts';
import { pick, short } from '../lookup.ts';
import { collect, does, number, type Options, text, texts } from '../run.ts';
import { SiteName } from '../../model/site.ts';
import { VERSION } from '../version.ts';

export function addSites(root: Command): void {
  addScannerProgram(root);
  addSiteLists(root);
  addScanners(root);
}

/** The program at a remote site: it calls a server and needs none of ours here. */
function addScannerProgram(root: Command): void {
  does(
    root
      .command('scanner')
      .description('Look at a remote site for a server: it calls, nothing listens here, no database')
      .requiredOption('--site <name>', 'the site that this machine looks from')
      .option(
        '--token <token>',
        'from `lastember scanners token`; needed the first time only (also LASTEMBER_SCANNER_TOKEN)',
      )
      .option('--name <name>', 'what this scanner is called (default: the name of this machine)')
      .option('--only <cidr>', 'touch nothing else, whatever the server says (may be repeated)', collect)
      .option(
        '--never <cidr>',
        'never touch these, whatever the server says (may be repeated; also LASTEMBER_SCAN_NEVER)',
        collect,
      )
      .option('--path <path>', 'how ports are tried: auto, portable, epoll or syn', 'auto'),
    async (context, _, options) => {
      const site = text(options, 'site')!;
      const server = agentAddress(context);
      const path = pathOf(options);
      // Loaded here only: every other command starts faster without it.
      const { runScanner, scannerLog } = await import('../../scanner/index.ts');
      const stop = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
      await runScanner({
        site,
        path,
        server,
        token: text(options, 'token') ?? context.env.scannerToken,
        name: text(options, 'name') ?? hostname(),
        version: VERSION,
        dataDir: join(context.dataDir, 'scanner', site),
        only: texts(options, 'only'),
        never: [...texts(options, 'never'), ...readEnv().scanNever],
        log: scannerLog,
        signal: stop.signal,
      });
    },
  );
}

function agentAddress({ server }: Context): string {
  if (!server || !/^https:\/\/\S+$/.test(server))
    throw new UsageError('--server takes the address that agents call, such as https://lastember.example:7415');
  return server.replace(/\/+$/, '');
}

const PATHS = ['auto', 'portable', 'epoll', 'syn'] as const;

function pathOf(options: Options): (typeof PATHS)[number] {
  const given = text(options, 'path') ?? 'auto';
  const path = PATHS.find((one) => one === given);
  if (path === undefined) throw new UsageError(`--path takes ${PATHS.join(', ')}, not "${given}"`);
  return path;
}

function siteOf(options: Options): string {
  const read = SiteName.safeParse(text(options, 'site'));
  if (!read.success) throw new UsageError(`--site: ${read.error.issues[0]!.message}`);
  return read.data;
}

function plainName(options: Options): string | null {
  const name = text(options, 'name') ?? null;
  if (name !== null && /\p{Cc}/u.test(name)) throw new UsageError('--name takes one line without control characters');
  return name;
}

/** What a service is to start: what was named, or what runs just now. */
function programOf(options: Options): string[] {
  const named = text(options, 'program');
  const program =
    named === undefined ? [process.execPath, ...process.execArgv, resolve(process.argv[1]!)] : [resolve(named)];
  const hidden = program.find((path) => /^\/(?:root|home)\//.test(path));
  if (hidden !== undefined)
    throw new UsageError(
      `${hidden} is in a home, which the service cannot read; install lastember elsewhere (npm install --global lastember), or name it with --program`,
    );
  return program;
}

function addUnit(scanners: Command): void {
  does(
    scanners
      .command('unit')
      .description('Print the systemd unit of a scanner on this machine; asks no server')
      .requiredOption('--site <name>', 'the site')
      .option('--name <name>', 'what this scanner is called (default: the name of this machine)')
      .option('--only <cidr>', 'as for `lastember scanner` (may be repeated)', collect)
      .option('--never <cidr>', 'as for `lastember scanner` (may be repeated)', collect)
      .option('--path <path>', `how ports are tried: ${PATHS.join(', ')}; syn gets raw sockets`, 'auto')
      .option('--program <path>', 'the program that it starts (default: this one)'),
    async (context, _, options) => {
      const site = siteOf(options);
      const program = programOf(options);
      const { scannerUnit, tokenFile } = await import('../../scanner/index.ts');
      const unit = scannerUnit({
        site,
        program,
        server: agentAddress(context),
        path: pathOf(options),
        name: plainName(options),
        only: texts(options, 'only'),
        never: [...texts(options, 'never'), ...context.env.scanNever],
      });
      if (context.output.json) return show(context.output, { site, unit, tokenFile: tokenFile(site) }, []);
      context.output.out(unit.trimEnd());
      context.output.err(`Write it to /etc/systemd/system/lastember-scanner-${site}.service,`);
      context.output.err(`put LASTEMBER_SCANNER_TOKEN=TOKEN into ${tokenFile(site)} (mode 0600) for the first start,`);
      context.output.err(`and run: systemctl enable --now lastember-scanner-${site}`);
    },
  );
}

function addSiteLists(root: Command): void {
  const sites = root.command('sites').description('Remote sites: what is looked at from there, and by whom');
  does(sites.command('list').description('Sites that scopes are for or that have scanners'), async (context) => {
    const { items } = await (await context.client()).listSites();
    list(
      context.output,
      items,
      [
        { title: 'SITE', of: (s) => s.name, shrink: true },
        { title: 'SCOPES', of: (s) => s.scopes.join(', ') || '–', shrink: true },
        { title: 'SCANNERS', of: (s) => `${s.live} of ${s.scanners}` },
        { title: 'LAST SEEN', of: (s) => ago(s.lastSeen) },
        { title: 'SCANS', of: (s) => String(s.scans), drop: 1 },
        { title: 'BLIND', of: (s) => s.blind ?? '–', shrink: true },
      ],
      'No remote sites. Give a scope to one: lastember scope add branch 10.20.0.0/24 --site berlin',
    );
  });
  does(
    sites.command('show <name>').description('One site, and what each of its scanners works on'),
    async (context, [name]) => {
      const found = await (await context.client()).getSite({ params: { name: name![0]! } });
      const { site, scanners } = found;
      show(context.output, found, [
        ['site', site.name],
        ['scopes', site.scopes.join(', ') || '–'],
        ['scanners', `${site.live} of ${site.scanners} call`],
        ['scans', String(site.scans)],
        ...(site.blind ? [['blind', site.blind] as [string, string]] : []),
        ...scanners.map((one): [string, string] => [
          one.name,
          `${one.state}, last seen ${ago(one.lastSeen)}${worksOn(one)}`,
        ]),
      ]);
    },
  );
}

const worksOn = ({ scans }: { scans: { scanId: string; scope: string | null }[] }): string =>
  scans.length > 0 ? `, on ${scans.map(({ scope, scanId }) => scope ?? short(scanId)).join(', ')}` : '';

function addScanners(root: Command): void {
  const scanners = root.command('scanners').description('Scanners at remote sites');
  addUnit(scanners);
  does(
    scanners
      .command('token')
      .description('Make a token for one scanner of a site, and print the line that starts it there')
      .requiredOption('--site <name>', 'the site')
      .option('--minutes <n>', 'how long it is good for', '60')
      .option('--for <network>', 'address or CIDR that the scanner calls from'),
    async (context, _, options) => {
      const network = text(options, 'for');
      const body = {
        site: text(options, 'site')!,
        minutes: number(options, 'minutes') ?? 60,
        ...(network ? { for: network } : {}),
      };
      const made = await (await context.client()).createScannerToken({ body });
      if (context.output.json) return show(context.output, made, []);
      context.output.err(`token ${short(made.id)}: for one scanner of site ${made.site}, good until ${made.expiresAt}`);
      context.output.err('Run this at the site:');
      context.output.out(made.line);
    },
  );
  does(
    scanners.command('list').description('Scanners, when each was last heard of, and what it works on'),
    async (context) => {
      const { items } = await (await context.client()).listScanners();
      list(
        context.output,
        items,
        [
          { title: 'SCANNER', of: (s) => short(s.id) },
          { title: 'SITE', of: (s) => s.site, shrink: true },
          { title: 'NAME', of: (s) => s.name, shrink: true },
          { title: 'STATE', of: (s) => s.state },
          {
            title: 'WORKS ON',
            of: (s) => s.scans.map(({ scope, scanId }) => scope ?? short(scanId)).join(', ') || '–',
            shrink: true,
          },
          { title: 'LAST SEEN', of: (s) => ago(s.lastSeen) },
          {
            title: 'REFUSED',
            of: (s) => (s.refusals > 0 ? `${s.refusals}: ${s.refusedWhy ?? ''}` : '–'),
            shrink: true,
            drop: 1,
          },
        ],
        'No scanners yet. Make a token for one: lastember scanners token --site berlin',
      );
    },
  );
  does(
    scanners
      .command('revoke <id>')
      .description('Refuse a scanner from now on; others go on with its work')
      .requiredOption('--reason <text>', 'why'),
    async (context, [id], options) => {
      const client = await context.client();
      const scanner = pick((await client.listScanners()).items, id![0]!, 'scanner', 'scanners list');
      await client.revokeScanner({ params: { id: scanner.id }, body: { reason: text(options, 'reason')! } });
      show(context.output, { revoked: scanner.id }, [['revoked', scanner.id]]);
    },
  );
}
