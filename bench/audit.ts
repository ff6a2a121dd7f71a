import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { systemActor } from '../src/model/actor.ts';
import type { Section } from '../src/model/facts.ts';
import { countOverdue } from '../src/loop/audit/count-overdue.ts';
import { createAudit } from '../src/loop/audit/index.ts';
import { recount } from '../src/loop/audit/recount.ts';
import { takeFacts } from '../src/loop/audit/take-facts.ts';
import { createDiscovery, type Discovery } from '../src/loop/discovery/index.ts';
import { canonicalBytes, sha256Hex } from '../src/platform/ledger/index.ts';
import type { RunningPlatform } from '../src/platform/index.ts';
import { ALIKE, fill, packagesOf, trackerOf } from './audit-estate.ts';
import type { Bench, Measured } from './contract.ts';
import { growthTable } from './audit-table.ts';
import { type Cost, startCounting } from './database-cost.ts';
import { withEmbedded } from './reconcile.ts';

const RANGES = 50_000;
const MB = 1024 * 1024;
let figures: string[] = [];

/** What is asked of 100,000 hosts; in seconds and MB. */
const BARS = {
  'initial match': 30,
  'one new advisory': 1,
  'one host’s changed facts': 0.02,
  affected: 1,
  fixes: 1,
  'a page, 95th': 0.2,
  'database MB': 5000,
  'this process MB': 1500,
};
/** By what is measured; in seconds, or what the name says. */
type Figures = Record<string, number>;

export async function timed(what: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await what();
  return (performance.now() - began) / 1000;
}

export const percentile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))]!;

export interface Estate {
  platform: RunningPlatform;
  discovery: Discovery;
  call: (id: string, input: { params?: object; query?: object; body?: object }) => Promise<unknown>;
}

export function estateOn(platform: RunningPlatform): Estate {
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
  const found: Figures = {};
  const time = async (what: string, how: () => Promise<unknown>): Promise<void> => {
    found[what] = await timed(how);
  };
  const count = () => recount(platform, discovery);
  let ids: string[] = [];
  await time('filled in', async () => (ids = await fill(platform, discovery, hosts)));
  await call('addFeed', { body: { name: 'debian', kind: 'debian-tracker', url: null } });
  await call('addFeed', { body: { name: 'osv', kind: 'osv', url: null, settings: { ecosystem: 'Debian' } } });
  await time('initial match', () => take(estate, ranges, 0));
  await time('counted: all', count);
  await time('PostgreSQL’s own count of its tables', () => counted(platform));
  await time('the whole feed read again', () => take(estate, ranges, 1));
  await time('one new advisory', () => takeOne(estate));
  await time('counted: one advisory', count);
  Object.assign(found, await changes(estate, ids.slice(0, 100)));
  await time('counted: changed hosts', count);
  Object.assign(found, await questions(estate), await withPolicies(estate, ids), await space(platform));
  return found;
}

async function changes(estate: Estate, ids: readonly string[]): Promise<Figures> {
  const taken: number[] = [];
  const changing = await startCounting(estate.platform);
  for (const [index, id] of ids.entries()) taken.push(await changedFacts(estate, id, index));
  const cost: Cost = await changing();
  return {
    'one host’s changed facts': percentile(taken, 0.5),
    '  95th': percentile(taken, 0.95),
    // What does not depend on how busy the machine is.
    '  processor here': cost.ownCpu / ids.length,
    '  processor in PostgreSQL': cost.databaseCpu / ids.length,
    '  WAL kB': cost.walBytes / 1024 / ids.length,
  };
}

/**
 * PostgreSQL counts tables that changed by itself, within seconds, and plans by that; a minute's work of a bench would be
 * over before.
 */
export async function counted({ db }: RunningPlatform): Promise<void> {
  // What a connection did is told to the others within a second, of one that is at rest.
  await sleep(1500);
  for (const until = Date.now() + 120_000; Date.now() < until; await sleep(500)) {
    const { rows } = await sql`select from pg_stat_user_tables s join pg_class c on c.oid = s.relid
      where s.schemaname = 'audit' and s.n_mod_since_analyze > 50 + 0.1 * greatest(c.reltuples, 0)`.execute(db);
    if (rows.length === 0) return;
  }
  throw new Error('PostgreSQL does not count its tables: is autovacuum off?');
}

/** What each host's owner's tags would come to: days by severity. */
const TERMS = [
  { critical: 7, high: 30, medium: 90 },
  { critical: 2, high: 7, medium: 30 },
  { critical: 14, high: 60 },
];

/** Policies come into force everywhere, by the way that a judged host goes; then one host changes. */
async function withPolicies(estate: Estate, ids: readonly string[]): Promise<Figures> {
  const { platform, discovery } = estate;
  for (const [index, terms] of TERMS.entries())
    await sql`insert into audit.host_term (host_id, severity, days)
      select h, t.key, t.value::integer from unnest(${ids.filter((_, at) => at % TERMS.length === index)}::text[]) h
      cross join jsonb_each_text(${JSON.stringify(terms)}::jsonb) t`.execute(platform.db);
  await sql`insert into audit.due_again (host_id) select unnest(${[...ids]}::text[])`.execute(platform.db);
  await counted(platform);
  const all = await timed(() => recount(platform, discovery));
  // One that has the list of its number and did not change yet, unless there are few.
  const last = Math.ceil(ids.length / ALIKE) - 1;
  await changedFacts(estate, ids[last]!, last);
  const { rows } = await sql<{ due: string }>`select count(due_at) as due from audit.vulnerability`.execute(
    platform.db,
  );
  return {
    'policies: every clock': all,
    'policies: one changed host counted': await timed(() => recount(platform, discovery)),
    'vulnerabilities with a clock (number)': Number(rows[0]!.due),
    ...(await overdue(estate)),
  };
}

/** Forty days go by, in which every second host got another list, on a day of its own: no list of today tells since when. */
async function overdue({ platform, call }: Estate): Promise<Figures> {
  const { db } = platform;
  for (const [table, column] of [
    ['host_list', 'since'],
    ['match', 'since'],
    ['vulnerability', 'due_at'],
  ])
    await sql`update ${sql.table(`audit.${table}`)} set ${sql.ref(column!)} = ${sql.ref(column!)} - interval '40 days'`.execute(
      db,
    );
  await sql`with patched as (update audit.host_list
      set until = now() - interval '1 day' * (1 + abs(hashtext(host_id)) % 35)
      where until is null and section = 'packages' and hashtext(host_id) % 2 = 0
        and list_id < (select max(id) from audit.package_list) returning host_id, section, list_id, until)
    insert into audit.host_list (host_id, section, list_id, since)
    select p.host_id, p.section, (select min(l.id) from audit.package_list l where l.id > p.list_id), p.until
    from patched p`.execute(db);
  await counted(platform);
  const ended = new AbortController();
  const watching = longestTransaction(platform, ended.signal);
  const run = await timed(() => countOverdue(platform));
  ended.abort();
  const longest = await watching;
  const { rows } = await sql<{ counted: string; hosts: string }>`
    select count(*) as counted, sum(overdue_hosts) as hosts from audit.vulnerability where overdue_hosts is not null`.execute(
    db,
  );
  const page = await timed(() => call('listVulnerabilities', { query: { limit: '100', overdue: 'true' } }));
  return {
    'overdue hosts: one run of their job': run,
    '  its longest transaction, waits included': longest,
    'vulnerabilities counted in it (number)': Number(rows[0]!.counted),
    'overdue hosts of them in all (number)': Number(rows[0]!.hosts),
    'a page of overdue ones': page,
  };
}

/** Looked at from another connection, every few milliseconds, until it is over; in seconds. */
async function longestTransaction({ db }: RunningPlatform, over: AbortSignal): Promise<number> {
  let longest = 0;
  for (; !over.aborted; await sleep(5)) {
    const { rows } = await sql<{ seconds: number | null }>`
      select max(extract(epoch from clock_timestamp() - xact_start))::float8 as seconds from pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_backend_pid() and datname = current_database()`.execute(db);
    longest = Math.max(longest, rows[0]!.seconds ?? 0);
  }
  return longest;
}

async function questions({ call }: Estate): Promise<Figures> {
  const affected: number[] = [];
  for (let index = 0; index < 3; index++)
    affected.push(await timed(() => call('getAffected', { query: { q: 'CVE-2026-10000' } })));
  const pages: number[] = [];
  for (let page = 0; page < 40; page++)
    pages.push(await timed(() => call('listVulnerabilities', { query: { limit: '100', offset: String(page * 50) } })));
  const fixes = await timed(() => call('listFixes', { query: {} }));
  return { affected: percentile(affected, 0.5), 'a page, 95th': percentile(pages, 0.95), fixes };
}

async function space({ db }: RunningPlatform): Promise<Figures> {
  const { rows } = await sql<Record<'size' | 'packages' | 'lists' | 'matches' | 'listed', string>>`
    select pg_database_size(current_database()) as size, (select count(*) from audit.package) as packages,
      (select count(*) from audit.package_list) as lists, (select count(*) from audit.match) as matches,
      (select count(*) from audit.vulnerability) as listed`.execute(db);
  const { size, packages, lists, matches, listed } = rows[0]!;
  return {
    'database MB': Number(size) / MB,
    'this process MB': process.memoryUsage.rss() / MB,
    'distinct packages (number)': Number(packages),
    'distinct lists (number)': Number(lists),
    'matches (number)': Number(matches),
    'vulnerabilities (number)': Number(listed),
  };
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
    const ranges = size < 100 ? 2000 : RANGES;
    const sizes = [...[1000, 10_000, 100_000].filter((one) => one < most), most];
    const found: Figures[] = [];
    for (const hosts of sizes) {
      found.push(await withEmbedded((platform) => measure(platform, hosts, ranges)));
      figures = [`${ranges.toLocaleString('en')} ranges, 400 packages a host`, ...growthTable(sizes, found, BARS)];
    }
    const worst = Math.min(...found.flatMap((one) => Object.entries(BARS).map(([key, bar]) => bar / one[key]!)));
    return [{ ours: worst, peer: 1 }];
  },
};
