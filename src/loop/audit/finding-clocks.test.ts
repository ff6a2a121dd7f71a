import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { FindingNow } from '../../model/finding.ts';
import type { Facts } from '../../model/facts.ts';
import type { Kit } from '../../model/kit.ts';
import { tagHost } from '../discovery/claims.ts';
import { shop, type World, world } from './testing/world.ts';

const open: World[] = [];
after(() => Promise.all(open.map((one) => one.close())));
const OLGA = { kind: 'user', id: 'user_1', name: 'Olga', role: 'operator' } as const;
const CHECK = 'sshd-root-login';
const DAY = 24 * 60;

function baseline(name: string, root: 'yes' | 'no'): Partial<Facts> {
  const startedAt = new Date('2026-11-20T09:00:00.000Z');
  const facts = shop(
    { version: '0.10.48-1', pid: 4711, startedAt, machineId: name },
    { address: '10.1.0.10', port: 8443, name },
  );
  const sshd = { permitrootlogin: root, passwordauthentication: 'no' };
  return { ...facts, settings: { sshd, sysctl: {}, users: [] } };
}

async function report(w: World, id: string, name: string, root: 'yes' | 'no'): Promise<void> {
  await w.send(id, baseline(name, root));
  await w.settle();
}

const listed = async (w: World, query: object): Promise<FindingNow[]> =>
  (await w.call<{ items: FindingNow[] }>('listFindings', { query: { check: CHECK, ...query } })).items;

test('findings come a page at a time: what the pages have is the whole list, each finding once, whatever is asked for', async () => {
  const w = await world();
  open.push(w);
  const ids: string[] = [];
  for (let n = 0; n < 7; n += 1) ids.push(await w.find(`10.1.1.${n + 1}`, `SHA256:page-${n}`));
  const profiles = [{ name: 'strict', slaDays: { high: 1, critical: 1 } }];
  await w.call('setPolicies', { body: { profiles, policies: [{ name: 'all', profile: 'strict', hosts: '*' }] } });
  const all = async (root: (n: number) => 'yes' | 'no', some = ids): Promise<void> => {
    w.later(2 * DAY);
    for (const [n, id] of some.entries()) await report(w, id, `page-${n}`, root(n));
  };
  await all((n) => (n % 2 === 0 ? 'yes' : 'no'));
  await all((n) => (n < 3 ? 'no' : 'yes'));
  await all(() => 'yes', ids.slice(2));
  const ask = (query: object) =>
    w.call<{ items: FindingNow[]; next: string | null; more: boolean }>('listFindings', { query });
  const paged = async (query: { limit: number; sort?: string }, after: object = {}): Promise<FindingNow[]> => {
    const { items, next, more } = await ask({ ...query, ...after });
    assert.ok(items.length === query.limit || !more, JSON.stringify(query));
    return next === null ? items : [...items, ...(await paged(query, { after: next }))];
  };
  const queries = [
    {},
    { check: CHECK },
    { check: CHECK, state: ['open', 'rekindled'] },
    { overdue: 'true' },
    { overdue: 'false', check: CHECK },
    { stale: 'true' },
    { drift: 'true' },
    { host: ids[0] },
    { owner: 'nobody' },
  ];
  let some = 0;
  for (const query of queries) {
    const whole = await ask(query);
    assert.deepEqual([whole.next, whole.more], [null, false]);
    for (const limit of [1, 2, 3, 1000]) {
      assert.deepEqual(await paged({ ...query, limit }), whole.items, JSON.stringify({ query, limit }));
    }
    const sorted = (await ask({ ...query, sort: 'due' })).items;
    for (const limit of [2, 1000])
      assert.deepEqual(await paged({ ...query, sort: 'due', limit }), sorted, JSON.stringify({ query, limit }));
    if (whole.items.length > 0) some += 1;
  }
  assert.ok(some >= 7, `only ${some} of the questions found anything`);
  const [one] = (await ask({})).items;
  const due = `2026-01-01T00:00:00.000Z/${one!.id}`;
  const wrong = [
    { after: 'finding_' },
    { after: 'host_1' },
    { after: due },
    { sort: 'due', after: one!.id },
    { sort: 'due', after: `soon/${one!.id}` },
    { sort: 'due', after: `${due}/x` },
    { sort: 'worst', after: one!.id },
    { sort: 'worst', after: `grave/${one!.id}` },
    { sort: 'worst', after: due },
  ];
  for (const query of wrong)
    await assert.rejects(async () => ask({ ...query, limit: 2 }), /ends no page in this order/, JSON.stringify(query));
  await assert.rejects(async () => ask({ sort: 'due', after: due }), /has to be given where a sorted list goes on/);
});

test('3.10: a finding has its clocks: first seen, due by the policy, overdue, and anew when it comes back', async () => {
  const w = await world();
  open.push(w);
  const id = await w.find('10.1.0.10', 'SHA256:web');
  await tagHost(w.platform, OLGA, id, { owner: 'web' });
  await w.call('setPolicies', {
    body: {
      profiles: [{ name: 'strict', slaDays: { high: 7, critical: 1 } }],
      policies: [{ name: 'all', profile: 'strict', hosts: '*' }],
    },
  });
  await report(w, id, 'web', 'yes');
  const [first] = await listed(w, {});
  const days = (count: number, from: string): string => new Date(Date.parse(from) + count * DAY * 60_000).toISOString();
  assert.deepEqual(
    [first!.dueAt, first!.overdue, first!.owner, first!.drift],
    [days(7, first!.openedAt), false, 'web', null],
    'it never passed, so nothing drifted',
  );
  assert.deepEqual(await listed(w, { overdue: 'true' }), []);
  assert.ok(typeof (first!.evidence['facts'] as Record<string, string>)['settings'] === 'string');
  assert.equal(first!.evidence['PermitRootLogin'], 'yes');

  w.later(8 * DAY);
  const [late] = await listed(w, { overdue: 'true', owner: 'web', sort: 'due' });
  assert.deepEqual([late!.id, late!.overdue, late!.stale], [first!.id, true, true]);
  assert.deepEqual(await listed(w, { stale: 'false' }), []);
  assert.deepEqual(await listed(w, { owner: 'ops' }), []);

  await report(w, id, 'web', 'no');
  const [fixed] = await listed(w, {});
  assert.deepEqual([fixed!.state, fixed!.dueAt, fixed!.overdue], ['fixed', null, false]);

  w.later(DAY);
  await report(w, id, 'web', 'yes');
  const [back] = await listed(w, { drift: 'true' });
  assert.deepEqual(
    [back!.id, back!.state, back!.openedAt, back!.dueAt, back!.overdue],
    [first!.id, 'rekindled', first!.openedAt, days(7, w.clock.now.toISOString()), false],
  );
  assert.deepEqual(back!.drift!.values, [
    { component: 'sshd.service', what: 'PermitRootLogin', before: 'no', after: 'yes' },
  ]);
});

test('3.9: nothing closes a finding but a fresh look: silence only makes it stale', async () => {
  const w = await world();
  open.push(w);
  const id = await w.find('10.1.0.10', 'SHA256:web');
  await report(w, id, 'web', 'yes');
  w.later(40 * DAY);
  await w.audit.auditHost(id);
  const [finding] = await listed(w, {});
  assert.deepEqual([finding!.state, finding!.stale, finding!.closedAt], ['open', true, null]);
});

test('3.16: an exception whose finding is gone says so', async () => {
  const w = await world();
  open.push(w);
  const id = await w.find('10.1.0.10', 'SHA256:web');
  await report(w, id, 'web', 'yes');
  const [finding] = await listed(w, {});
  await w.platform.act(OLGA, { type: 'impact.exception.added', subject: { kind: 'exception', id: 'x' } }, (tx) =>
    w.audit.setFindingState(tx, [finding!.id], 'excepted', { exceptionId: 'x' }),
  );
  assert.deepEqual((await w.audit.coveredByExceptions()).get('x'), { now: 1, gone: 0 });
  w.later();
  await report(w, id, 'web', 'no');
  assert.deepEqual((await w.audit.coveredByExceptions()).get('x'), { now: 0, gone: 1 });
});

test('3.11, 3.12: a finding says whether its kit brings the steps that put it right, and what a person does where not', async () => {
  const w = await world();
  open.push(w);
  const id = await w.find('10.1.0.10', 'SHA256:web');
  const facts = baseline('web', 'yes');
  await w.send(id, {
    ...facts,
    settings: { sshd: { permitrootlogin: 'yes' }, sysctl: { 'net.ipv4.ip_forward': '1' }, users: [] },
  });
  await w.settle();
  const { items } = await w.call<{ items: FindingNow[] }>('listFindings', { query: { kit: 'linux-baseline' } });
  const { items: kits } = await w.call<{ items: { kit: Kit }[] }>('listKits');
  const { checks, remediate } = kits.find(({ kit }) => kit.kit === 'linux-baseline')!.kit;
  assert.ok(items.length > 1);
  for (const one of items) {
    const steps = remediate.filter(({ fixes }) => fixes.includes(one.check)).flatMap((fix) => fix.steps);
    assert.equal(one.remediable, steps.length > 0, one.check);
    if (!one.remediable) assert.equal(one.byHand, checks.find((check) => check.id === one.check)!.byHand);
  }
  assert.equal(items.find(({ check }) => check === CHECK)!.remediable, true);
  assert.ok(
    items.some(({ remediable }) => !remediable),
    'one that only a person can put right',
  );
});
