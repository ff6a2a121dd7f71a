import { sql } from 'kysely';
import { systemActor } from '../src/model/actor.ts';
import type { Section } from '../src/model/facts.ts';
import { createAudit } from '../src/loop/audit/index.ts';
import { recount } from '../src/loop/audit/recount.ts';
import { takeFacts } from '../src/loop/audit/take-facts.ts';
import { createDiscovery, type Discovery } from '../src/loop/discovery/index.ts';
import { canonicalBytes, sha256Hex } from '../src/platform/ledger/index.ts';
import type { RunningPlatform } from '../src/platform/index.ts';
import { fill, packagesOf, trackerOf } from './audit-estate.ts';
import type { Bench, Measured } from './contract.ts';
import { type Cost, startCounting } from './database-cost.ts';
import { withEmbedded } from './reconcile.ts';

const RANGES = 50_000;
const MB = 1024 * 1024;
const figures: string[] = [];

/** What is asked of 100,000 hosts; in seconds and MB. */
const BARS = {
  'initial match': 30,
  'one new advisory': 1,
  'one host’s changed facts': 0.02,
  affected: 1,
  'a page, 95th': 0.2,
  'database MB': 5000,
  'this process MB': 1500,
};
type Figures = Record<keyof typeof BARS, number>;

async function timed(what: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await what();
  return (performance.now() - began) / 1000;
}

const percentile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))]!;

interface Estate {
  platform: RunningPlatform;
  discovery: Discovery;
  call: (id: string, input: { params?: object; query?: object; body?: object }) => Promise<unknown>;
}

function estateOn(platform: RunningPlatform): Estate {
  const discovery = createDiscovery(platform);
  const { routes } = createAudit(platform, discovery);
  const actor = { kind: 'user', id: 'user_1', name: 'bench', role: 'admin' } as const;
  const call: Estate['call'] = (id, input) => {
    const route = routes.find((one) => one.id === id)!;
    const parsed = {
      params: route.params?.parse(input.params ?? {}),
      query: route.query?.parse(input.query ?? {}),
      body: route.body?.parse(input.body ?? {}),
    };
    const asked = { ...parsed, actor, agent: null, ip: '127.0.0.1', signal: new AbortController().signal };
    return route.handler(asked as never);
  };
  return { platform, discovery, call };
}

const take = ({ call }: Estate, ranges: number, extra: number): Promise<unknown> => {
  const file = Buffer.from(JSON.stringify(trackerOf(ranges, extra))).toString('base64');
  return call('importFeed', { params: { name: 'debian' }, body: { file } });
};

/** One record of a feed of its own: what a day's news is like. */
async function takeOne({ call }: Estate): Promise<void> {
  const ranges = [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '1.3-1+deb12u3' }] }];
  const affected = [{ package: { ecosystem: 'Debian:12', name: 'source-8' }, ranges }];
  const records = [{ id: 'CVE-2026-20000', modified: '2026-01-01T00:00:00Z', affected }];
  const file = Buffer.from(JSON.stringify(records)).toString('base64');
  await call('importFeed', { params: { name: 'osv' }, body: { file } });
}

async function measure(platform: RunningPlatform, hosts: number, ranges: number): Promise<Figures> {
  const estate = estateOn(platform);
  const { discovery, call } = estate;
  const filling = performance.now();
  const ids = await fill(platform, discovery, hosts);
  const filled = (performance.now() - filling) / 1000;
  await call('addFeed', { body: { name: 'debian', kind: 'debian-tracker', url: null } });
  await call('addFeed', { body: { name: 'osv', kind: 'osv', url: null, settings: { ecosystem: 'Debian' } } });
  const initial = await timed(() => take(estate, ranges, 0));
  const counting = await timed(() => recount(platform, discovery));
  await sql`analyze`.execute(platform.db);
  const again = await timed(() => take(estate, ranges, 1));
  const one = await timed(() => takeOne(estate));
  const countingOne = await timed(() => recount(platform, discovery));
  const changes: number[] = [];
  const changing = await startCounting(platform);
  for (let index = 0; index < Math.min(100, hosts); index++)
    changes.push(await changedFacts(estate, ids[index]!, index));
  const changed = await changing();
  const countingChanged = await timed(() => recount(platform, discovery));
  figures.push(
    `${n(hosts)} hosts × 400 packages, ${n(ranges)} ranges; filled in in ${filled.toFixed(0)} s`,
    `  counted: all ${counting.toFixed(1)} s, after one advisory ${countingOne.toFixed(1)} s, after ${changes.length} changed hosts ${countingChanged.toFixed(1)} s; the whole feed read again ${again.toFixed(1)} s`,
    `  changed facts: ${costOf(changed, changes.length)}, 95th ${(percentile(changes, 0.95) * 1000).toFixed(0)} ms`,
  );
  return {
    'initial match': initial,
    'one new advisory': one,
    'one host’s changed facts': percentile(changes, 0.5),
    ...(await questions(estate)),
    ...(await space(platform)),
  };
}

const n = (value: number | string): string => Number(value).toLocaleString('en');

/** Of each, with what does not depend on how busy the machine is. */
const costOf = ({ seconds, ownCpu, databaseCpu }: Cost, things: number): string =>
  [seconds, ownCpu, databaseCpu].map((one) => ((one * 1000) / things).toFixed(1)).join(' / ') +
  ' ms each (wall / processor here / in PostgreSQL)';

async function questions({ call }: Estate): Promise<Pick<Figures, 'affected' | 'a page, 95th'>> {
  const affected: number[] = [];
  for (let index = 0; index < 3; index++)
    affected.push(await timed(() => call('getAffected', { query: { q: 'CVE-2026-10000' } })));
  const pages: number[] = [];
  for (let page = 0; page < 40; page++)
    pages.push(await timed(() => call('listVulnerabilities', { query: { limit: '100', offset: String(page * 50) } })));
  const fixes = await timed(() => call('listFixes', { query: {} }));
  figures.push(`  fixes: ${(fixes * 1000).toFixed(0)} ms`);
  return { affected: percentile(affected, 0.5), 'a page, 95th': percentile(pages, 0.95) };
}

async function space({ db }: RunningPlatform): Promise<Pick<Figures, 'database MB' | 'this process MB'>> {
  const { rows } = await sql<{ size: string; packages: string; lists: string; matches: string; listed: string }>`
    select pg_database_size(current_database()) as size, (select count(*) from audit.package) as packages,
      (select count(*) from audit.package_list) as lists, (select count(*) from audit.match) as matches,
      (select count(*) from audit.vulnerability) as listed`.execute(db);
  const { size, packages, lists, matches, listed } = rows[0]!;
  figures.push(
    `  ${n(packages)} distinct packages in ${n(lists)} lists, ${n(matches)} matches, ${n(listed)} vulnerabilities`,
  );
  return { 'database MB': Number(size) / MB, 'this process MB': process.memoryUsage.rss() / MB };
}

/** A host upgraded one package, to a version that others have. */
async function changedFacts({ platform, discovery }: Estate, hostId: string, index: number): Promise<number> {
  const data = packagesOf(index).map((one, at) =>
    at === 7 ? { ...one, version: '1.3-1+deb12u3', sourceVersion: '1.3-1+deb12u3' } : one,
  );
  const unique = { ...data[0]!, candidate: `9.${index}` };
  const changed = [unique, ...data.slice(1)];
  const hash = sha256Hex(canonicalBytes(changed));
  const section: Section = { name: 'packages', version: 1, hash, collectedAt: new Date().toISOString(), data: changed };
  return timed(() => takeFacts(platform, discovery, { actor: systemActor('bench'), hostId }, [section]));
}

const shown = (key: string, value: number): string =>
  key.endsWith('MB')
    ? `${value.toFixed(0)} MB`
    : value < 1
      ? `${(value * 1000).toFixed(0)} ms`
      : `${value.toFixed(1)} s`;

/** Sizes grow tenfold, each in a database of its own: how the figures grow is as telling as what they are. */
export const audit: Bench = {
  name: 'audit',
  claim: 'advisories against 100,000 hosts within what is asked of each question (peer: that pace; the worst of them)',
  target: 1,
  unit: 'of the time or space that each may take',
  figures: () => figures,
  missing: () => null,
  run: async (_, size): Promise<Measured[]> => {
    const most = Number(process.env['BENCH_HOSTS'] ?? (size < 100 ? 100 : 100_000));
    const sizes = [1000, 10_000, 100_000].filter((one) => one < most);
    let worst = Number.POSITIVE_INFINITY;
    for (const hosts of [...sizes, most]) {
      const found = await withEmbedded((platform) => measure(platform, hosts, size < 100 ? 2000 : RANGES));
      figures.push(
        `  ${Object.entries(found)
          .map(([key, value]) => `${key} ${shown(key, value)}`)
          .join(', ')}`,
      );
      worst = Math.min(...Object.entries(found).map(([key, value]) => BARS[key as keyof Figures] / value));
    }
    return [{ ours: worst, peer: 1 }];
  },
};
