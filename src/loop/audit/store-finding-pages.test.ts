import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import { systemActor } from '../../model/actor.ts';
import { BURNING, CLOSED, type FindingCounts, type FindingNow, type FindingState } from '../../model/finding.ts';
import { Severity } from '../../model/kit.ts';
import { ownerOf } from '../../model/tag-expression.ts';
import type { Tx } from '../../platform/context.ts';
import { MIGRATIONS_DIR } from '../../platform/db/migrate.ts';
import { withClient } from '../../platform/db/pool.ts';
import { findingIds, matching } from './store-finding-pages.ts';
import { noteSectionError, putContents, setSections } from './store-facts.ts';
import { insertFinding, putLooks, setDue, updateFinding } from './store-findings.ts';
import { putVerdicts } from './store-verdicts.ts';
import { type World, world } from './testing/world.ts';

const STALE_MS = 7 * 24 * 3_600_000;
const w: World = await world({ staleAfterMs: STALE_MS });
after(() => w.close());

const DAY_MS = 24 * 3_600_000;
const STATES: readonly FindingState[] = ['open', 'excepted', 'planned', 'fixed', 'rekindled', 'not-applicable'];
const SECTIONS = ['os', 'users', 'sockets'] as const;
const KIT = 'linux-baseline';
const CHECKS = ['sshd-root-login', 'sshd-password-login'] as const;
const OWNERS = ['web', 'nobody', ''] as const;
const ago = (days: number): Date => new Date(w.clock.now.getTime() - days * DAY_MS);

interface Told {
  days: number;
  section: (typeof SECTIONS)[number];
  failed: boolean;
}
interface Found {
  state: FindingState;
  check: (typeof CHECKS)[number];
  opened: number;
  rekindled: number | null;
  clock: number | null;
  slaDays: number | null;
  severity: Severity;
}
interface Machine {
  owner: string | null;
  tag: string | null;
  told: Told[];
  drifted: string[];
  found: Found[];
}

const days = fc.integer({ min: 0, max: 30 });
const machine: fc.Arbitrary<Machine> = fc.record({
  owner: fc.option(fc.constantFrom(...OWNERS)),
  tag: fc.option(fc.constantFrom(...OWNERS)),
  told: fc.array(fc.record({ days, section: fc.constantFrom(...SECTIONS), failed: fc.boolean() }), { maxLength: 4 }),
  drifted: fc.subarray([...CHECKS]),
  found: fc.array(
    fc.record({
      state: fc.constantFrom(...STATES),
      check: fc.constantFrom(...CHECKS),
      opened: days,
      rekindled: fc.option(days),
      clock: fc.option(days),
      slaDays: fc.option(fc.integer({ min: 1, max: 30 })),
      severity: fc.constantFrom(...Severity.options),
    }),
    { maxLength: 4 },
  ),
});

/** What discovery, reports and judgements leave of such a host. */
async function make(tx: Tx, id: string, { owner, tag, told, drifted, found }: Machine): Promise<void> {
  const tags = JSON.stringify(tag === null ? {} : { owner: tag });
  await sql`update discovery.host set owner = ${owner}, tags = ${tags}::jsonb where id = ${id}`.execute(tx.db);
  // The latest last, as reports come.
  for (const { section, failed, days: before } of told.toSorted((a, b) => b.days - a.days)) {
    const state = { name: section, version: 1, collectedAt: ago(before) };
    if (failed) await noteSectionError(tx.db, id, state, 'no leave', ago(before));
    else await setSections(tx.db, id, [{ ...state, hash: section }], ago(before));
  }
  const mark = { since: ago(1).toISOString(), facts: {}, passedUntil: ago(2).toISOString() };
  const detail = Object.fromEntries(CHECKS.map((check) => [check, mark]));
  const verdicts = { marks: {}, detail };
  await putVerdicts(tx.db, id, [{ kit: KIT, digest: 'kit', drifted, verdicts }], tx.now);
  for (const one of found) await insert(tx, id, one);
}

async function insert(
  tx: Tx,
  hostId: string,
  { state, check, opened, rekindled, clock, slaDays, severity }: Found,
): Promise<void> {
  const id = w.platform.newId('finding');
  const base = { id, hostId, endpointId: null, endpoint: null, kit: KIT, check, component: id };
  await insertFinding(tx.db, base, ago(opened));
  const at = (before: number | null): Date | null => (before === null ? null : ago(before));
  await updateFinding(tx.db, id, { state, rekindled_at: at(rekindled), clock_at: at(clock) });
  const look = { hostName: hostId, component: id, kitVersion: '1', advisories: [`CVE-2026-${opened}`], title: check };
  const seen = {
    severity,
    confidence: 1,
    evidence: {},
    pending: null,
    lastSeenAt: tx.now.toISOString(),
  } as const;
  await putLooks(tx.db, new Map([[id, { ...look, ...seen, slaDays }]]));
  await setDue(tx.db, [id]);
}

async function estate(machines: readonly Machine[]): Promise<void> {
  const ids: string[] = [];
  for (const n of machines.keys()) ids.push(await w.find(`10.9.0.${n + 1}`, `SHA256:${n}`));
  const entry = { type: 'audit.findings.opened', subject: { kind: 'kit' as const, id: 'kit' } };
  await w.platform.act(systemActor('test'), entry, async (tx) => {
    for (const table of ['finding_look', 'finding', 'verdict', 'section', 'section_history', 'host_report'])
      await sql`delete from audit.${sql.ref(table)}`.execute(tx.db);
    await putContents(
      tx.db,
      SECTIONS.map((name) => ({ name, hash: name, text: '{}', ecosystems: null })),
      tx.now,
    );
    for (const [n, one] of machines.entries()) await make(tx, ids[n]!, one);
  });
}

type Listed = { items: FindingNow[]; next: string | null; more: boolean };
const ask = (query: object): Promise<Listed> => w.call<Listed>('listFindings', { query });
async function paged(query: object, limit: number, from: object = {}): Promise<string[]> {
  const { items, next } = await ask({ ...query, ...from, limit });
  const ids = items.map(({ id }) => id);
  return next === null ? ids : [...ids, ...(await paged(query, limit, { after: next }))];
}

interface Known {
  id: string;
  host_id: string;
  check_id: string;
  state: FindingState;
  severity: Severity;
  began: Date;
  sla_days: number | null;
  drifted: string[];
  reported: Date | null;
}

/** Every finding as it is to be told, worked out one by one from what was stored before there were any short cuts. */
async function oracle(): Promise<Expected[]> {
  const { rows } = await sql<Known>`
    select f.id, f.host_id, f.check_id, f.state, coalesce(f.clock_at, f.rekindled_at, f.opened_at) as began, l.sla_days, l.severity, v.drifted,
      (select max(received_at) from audit.section s where s.host_id = f.host_id and s.hash is not null) as reported
    from audit.finding f join audit.finding_look l on l.finding_id = f.id join audit.verdict v on v.host_id = f.host_id
    order by f.id`.execute(w.platform.db);
  const hosts = new Map((await w.discovery.hosts()).map((host) => [host.id, host]));
  return rows.map((row) => {
    const isOver = row.sla_days === null || CLOSED.includes(row.state);
    const due = isOver ? null : row.began.getTime() + row.sla_days! * DAY_MS;
    return {
      id: row.id,
      severity: row.severity,
      check: row.check_id,
      state: row.state,
      due,
      overdue: BURNING.includes(row.state) && due !== null && due < w.clock.now.getTime(),
      stale: row.reported !== null && w.clock.now.getTime() - row.reported.getTime() > STALE_MS,
      drift: !CLOSED.includes(row.state) && row.drifted.includes(row.check_id),
      owner: ownerOf(hosts.get(row.host_id)!),
    };
  });
}

interface Expected
  extends
    Record<'severity', Severity>,
    Record<'id' | 'check' | 'owner', string>,
    Record<'overdue' | 'stale' | 'drift', boolean> {
  state: FindingState;
  due: number | null;
}

const told = ({ id, severity, check, state, dueAt, overdue, stale, drift, owner }: FindingNow): Expected => ({
  id,
  severity,
  check,
  state,
  due: dueAt ? Date.parse(dueAt) : null,
  overdue,
  stale,
  drift: drift !== null,
  owner: owner!,
});

const yesNo = fc.option(fc.boolean(), { nil: undefined });
const question = fc.record({
  overdue: yesNo,
  stale: yesNo,
  drift: yesNo,
  owner: fc.option(fc.constantFrom(...OWNERS, 'else'), { nil: undefined }),
  check: fc.option(fc.constantFrom(...CHECKS), { nil: undefined }),
  severity: fc.option(fc.constantFrom(...Severity.options), { nil: undefined }),
  state: fc.option(fc.subarray([...STATES], { minLength: 1 }), { nil: undefined }),
});
type Question = typeof question extends fc.Arbitrary<infer T> ? T : never;

const fits = (one: Expected, { state, ...same }: Question): boolean =>
  (state === undefined || state.includes(one.state)) &&
  (Object.keys(same) as (keyof typeof same)[]).every((key) => same[key] === undefined || one[key] === same[key]);

const soonestFirst = (all: readonly Expected[]): string[] =>
  all.toSorted((a, b) => (a.due ?? Infinity) - (b.due ?? Infinity) || 0).map(({ id }) => id);

const tally = (kinds: readonly string[]): Record<string, number> =>
  Object.fromEntries([...Map.groupBy(kinds, (kind) => kind)].map(([kind, { length }]) => [kind, length]));
const kindsOf = ({ items }: FindingCounts): Record<string, number> =>
  Object.fromEntries(items.map(({ state, severity, findings }) => [`${state} ${severity}`, findings]));

async function check(all: readonly Expected[], asked: Question): Promise<void> {
  const { state, ...same } = asked;
  const text = Object.entries(same).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]]));
  const query = { ...Object.fromEntries(text), ...(state ? { state } : {}) };
  const expected = all.filter((one) => fits(one, asked));
  const ids = expected.map(({ id }) => id);
  assert.deepEqual((await ask(query)).items.map(told), expected);
  for (const limit of [1, 3, 100]) assert.deepEqual(await paged(query, limit), ids);
  const counts = await w.call<FindingCounts>('countFindings', { query });
  assert.deepEqual(
    [counts.total, kindsOf(counts)],
    [ids.length, tally(expected.map((one) => `${one.state} ${one.severity}`))],
  );
  const due = soonestFirst(expected);
  const sorted = async (limit?: number) =>
    (await ask({ ...query, sort: 'due', ...(limit ? { limit } : {}) })).items.map(({ id }) => id);
  assert.deepEqual([await sorted(), await sorted(2)], [due, due.slice(0, 2)]);
  for (const limit of [1, 3]) assert.deepEqual(await paged({ ...query, sort: 'due' }, limit), due);
  const worst = Severity.options.flatMap((severity) => expected.filter((one) => one.severity === severity));
  for (const limit of [1, 100]) {
    const pages = await paged({ ...query, sort: 'worst' }, limit);
    assert.deepEqual(
      pages,
      worst.map(({ id }) => id),
    );
  }
}

test('3.10: findings are picked where they are stored as they are told one by one, whatever is asked and in whatever pages', async () => {
  let found = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(machine, { minLength: 1, maxLength: 6 }),
      fc.array(question, { minLength: 4, maxLength: 4 }),
      async (machines, questions) => {
        await estate(machines);
        const all = await oracle();
        found += all.length;
        for (const asked of questions) await check(all, asked);
      },
    ),
    { numRuns: 25 },
  );
  assert.ok(found > 50, `${found} findings`);
});

test('3.10: where the first that are tried do not fill a page, it is the same page', async () => {
  await estate(fc.sample(machine, { numRuns: 8, seed: 7 }));
  const all = await oracle();
  const conditions = { at: w.clock.now, staleBefore: new Date(w.clock.now.getTime() - STALE_MS) };
  for (const overdue of [true, false]) {
    const expected = all.filter((one) => one.overdue === overdue);
    const asked = matching({}, { ...conditions, overdue });
    for (const walked of [0, 1, 2]) {
      const ids = await findingIds(w.platform.db, asked, { limit: 3 }, walked);
      assert.deepEqual(
        ids,
        expected.slice(0, 3).map(({ id }) => id),
      );
      const inOrder = soonestFirst(expected);
      for (const from of [0, 1, inOrder.length - 2]) {
        const last = expected.find(({ id }) => id === inOrder[from - 1]);
        const key = typeof last?.due === 'number' ? new Date(last.due).toISOString() : null;
        const cut = { limit: 3, sort: 'due', after: last && { key, id: last.id } } as const;
        const due = await findingIds(w.platform.db, asked, cut, walked);
        assert.deepEqual(due, inOrder.slice(last ? from : 0).slice(0, 3));
      }
    }
  }
});

test('3.10: a page goes on where the one before ended, though the last finding there is worse or better since', async () => {
  await estate(fc.sample(machine, { numRuns: 12, seed: 7 }));
  const all = (await ask({ sort: 'worst' })).items.map(({ id }) => id);
  for (const [severity, limit] of [
    ['info', 3],
    ['critical', all.length - 3],
  ] as const) {
    const first = await ask({ sort: 'worst', limit });
    const last = first.items.at(-1)!;
    const become = (now: string) =>
      sql`update audit.finding_look set severity = ${now} where finding_id = ${last.id}`.execute(w.platform.db);
    await become(severity);
    const rest = (await paged({ sort: 'worst' }, 2, { after: first.next })).filter((id) => id !== last.id);
    assert.deepEqual([...first.items.map(({ id }) => id), ...rest], all);
    await become(last.severity);
  }
});

test('3.10: a page goes on where the one before ended, though its last finding was fixed meanwhile', async () => {
  const all = soonestFirst((await oracle()).filter(({ due }) => due !== null));
  const first = await ask({ sort: 'due', limit: 2 });
  assert.deepEqual(
    first.items.map(({ id }) => id),
    all.slice(0, 2),
  );
  const entry = { type: 'audit.findings.opened', subject: { kind: 'kit' as const, id: 'kit' } };
  await w.platform.act(systemActor('test'), entry, async (tx) => {
    await updateFinding(tx.db, all[1]!, { state: 'fixed' });
    await setDue(tx.db, [all[1]!]);
  });
  assert.equal((await ask({ id: all[1] })).items[0]!.dueAt, null);
  const second = await ask({ sort: 'due', limit: 2, after: first.next });
  assert.deepEqual(
    second.items.map(({ id }) => id),
    all.slice(2, 4),
  );
});

test('3.10: findings are counted on each host, and found by the end of their ids', async () => {
  const { items } = await ask({});
  const hosts = [...new Set(items.map(({ hostId }) => hostId))];
  const asked = { host: [hosts[0]!, hosts.at(-1)!, 'host_none'], state: [...BURNING] };
  const counts = await w.call<{ items: { host: string; findings: number }[] }>('countFindingsOfHosts', {
    query: asked,
  });
  const burning = items.filter(({ state, hostId }) => BURNING.includes(state) && asked.host.includes(hostId));
  assert.deepEqual(
    Object.fromEntries(counts.items.map(({ host, findings }) => [host, findings])),
    tally(burning.map(({ hostId }) => hostId)),
  );
  for (const { id } of items)
    for (const ref of [id, id.slice(-8)])
      assert.deepEqual(
        (await ask({ ref })).items.map((one) => one.id),
        items.filter((one) => one.id.endsWith(ref)).map((one) => one.id),
      );
  for (const ref of ['%%%%%%', '______', '\\\\\\\\\\\\']) assert.deepEqual((await ask({ ref })).items, []);
});

test('3.10: what a migration fills in is what was kept since', async () => {
  const read = async () =>
    Promise.all([
      sql`select * from audit.host_report order by host_id`.execute(w.platform.db),
      sql`select finding_id, due_at from audit.finding_look order by finding_id`.execute(w.platform.db),
    ]).then((all) => all.map(({ rows }) => rows));
  const before = await read();
  assert.ok(before.every((rows) => rows.length > 0));
  const migration = await readFile(join(MIGRATIONS_DIR, '0691_findings_at_size.sql'), 'utf8');
  await withClient(w.platform.urls.owner, async (client) => {
    await client.query(`drop table audit.host_report; alter table audit.finding_look drop column due_at;
      drop index audit.finding_look_advisories, audit.verdict_drifted, discovery.host_by_owner`);
    await client.query(migration);
    await client.query('grant select on audit.host_report to public');
  });
  assert.deepEqual(await read(), before);
});
