import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Compliance, ComplianceDay, HostCompliance, Tally } from '../../model/compliance.ts';
import type { Facts } from '../../model/facts.ts';
import { tagHost } from '../discovery/claims.ts';
import { shop, type World, world } from './testing/world.ts';

const open: World[] = [];
after(() => Promise.all(open.map((one) => one.close())));
async function begin(): Promise<World> {
  const w = await world();
  open.push(w);
  return w;
}
const OLGA = { kind: 'user', id: 'user_1', name: 'Olga', role: 'operator' } as const;

/** A Debian host with sshd’s settings as given. */
function baseline(name: string, sshd: Record<string, string>): Partial<Facts> {
  const startedAt = new Date('2026-11-20T09:00:00.000Z');
  const at = { address: '10.1.0.10', port: 8443, name };
  const facts = shop({ version: '0.10.48-1', pid: 4711, startedAt, machineId: name }, at);
  return { ...facts, settings: { sshd, sysctl: {}, users: [] } };
}

async function host(w: World, name: string, sshd: Record<string, string>, owner?: string): Promise<string> {
  const id = await w.find(`10.1.0.${name.length}`, `SHA256:${name}`);
  await w.send(id, baseline(name, sshd));
  if (owner) await tagHost(w.platform, OLGA, id, { owner });
  await w.settle();
  return id;
}

const of = async (w: World, id: string, check: string): Promise<HostCompliance['items'][number]> => {
  const { items } = await w.call<HostCompliance>('getHostCompliance', { params: { id } });
  return items.find((one) => one.check === check)!;
};
const get = (w: World, by: string): Promise<Compliance> => w.call('getCompliance', { query: { by } });
const sum = ({ pass, fail, excepted, unknown, stale, notApplicable }: Tally): number =>
  pass + fail + excepted + unknown + stale + notApplicable;
const GOOD = { permitrootlogin: 'no', passwordauthentication: 'no' };

test('3.19: what passed and fails now has drifted, with the moment and both values; what never passed has not', async () => {
  const w = await begin();
  const id = await host(w, 'web', GOOD);
  const bad = await host(w, 'other', { ...GOOD, permitrootlogin: 'yes' });
  const passed = await of(w, id, 'sshd-root-login');
  assert.deepEqual([passed.verdict, passed.drift], ['pass', null]);
  assert.deepEqual(await of(w, bad, 'sshd-root-login').then((one) => [one.verdict, one.drift]), ['fail', null]);
  const rows = () =>
    w.platform.db
      .withTables<{ 'audit.verdict': { host_id: string; kit: string; changed_at: Date } }>()
      .selectFrom('audit.verdict')
      .selectAll()
      .where('host_id', '=', id)
      .orderBy('kit')
      .execute();
  const before = await rows();

  w.later(60);
  await w.send(id, baseline('web', { ...GOOD, printmotd: 'no' }));
  await w.settle();
  assert.deepEqual(await rows(), before, 'a look that changes no verdict writes none');

  w.later(60);
  await w.send(id, baseline('web', { ...GOOD, permitrootlogin: 'yes' }));
  await w.settle();
  const drifted = await of(w, id, 'sshd-root-login');
  assert.equal(drifted.verdict, 'fail');
  assert.deepEqual(drifted.drift, {
    at: w.clock.now.toISOString(),
    values: [{ component: 'sshd.service', what: 'PermitRootLogin', before: 'no', after: 'yes' }],
  });
  assert.ok(drifted.facts['settings'] !== passed.facts['settings']);
  const changed = (await rows()).filter((row, at) => row.changed_at > before[at]!.changed_at);
  assert.deepEqual(
    changed.map(({ kit }) => kit),
    ['linux-baseline'],
  );
  const row = (await get(w, 'check')).items.find(({ id: name }) => name === 'linux-baseline/sshd-root-login')!;
  assert.deepEqual([row.tally.fail, row.tally.drifted], [2, 1]);
});

test('3.18: a host that stops reporting is stale, apart from all others and never green', async () => {
  const w = await begin();
  const silent = await host(w, 'web', GOOD, 'web');
  const alive = await host(w, 'other', GOOD, 'ops');
  assert.equal((await get(w, 'kit')).estate.tally.stale, 0);
  for (let hour = 0; hour < 30; hour += 1) {
    w.later(60);
    await w.send(alive, baseline('other', GOOD));
  }
  const since = (await of(w, silent, 'sshd-root-login')).since;
  await w.audit.auditHost(silent);
  await w.settle();
  const { stale, row, items } = await w.call<HostCompliance>('getHostCompliance', { params: { id: silent } });
  assert.deepEqual([stale, row.tally.pass, row.tally.fail, row.score], [true, 0, 0, 0]);
  assert.equal(items.find(({ check }) => check === 'sshd-root-login')!.since, since, 'what was known last is kept');
  const owners = await get(w, 'owner');
  assert.deepEqual(
    owners.items.map(({ id, tally }) => [id, tally.hosts, tally.pass > 0, tally.stale > 0]),
    [
      ['web', 1, false, true],
      ['ops', 1, true, false],
    ],
  );
});

test('3.15: all ways of counting count the same, exceptions are their own status, and days are kept', async () => {
  const w = await begin();
  for (const [name, owner] of [
    ['a', 'web'],
    ['bb', 'web'],
    ['ccc', 'ops'],
  ] as const)
    await host(w, name, { ...GOOD, permitrootlogin: name === 'a' ? 'yes' : 'no' }, owner);
  const { estate } = await get(w, 'kit');
  for (const by of ['kit', 'host', 'owner', 'check']) {
    const { items } = await get(w, by);
    const all = items.reduce((total, row) => total + sum(row.tally), 0);
    assert.equal(all, sum(estate.tally), by);
    assert.deepEqual(
      items.map((row) => row.score ?? 101),
      items.map((row) => row.score ?? 101).toSorted((x, y) => x - y),
      by,
    );
  }
  const [finding] = await w.audit.findings({ check: 'sshd-root-login' });
  await w.platform.act(OLGA, { type: 'impact.exception.added', subject: { kind: 'exception', id: 'x' } }, (tx) =>
    w.audit.setFindingState(tx, [finding!.id], 'excepted', { exceptionId: 'x' }),
  );
  const accepted = (await get(w, 'kit')).estate;
  assert.deepEqual(
    [accepted.tally.fail, accepted.tally.excepted, accepted.score],
    [estate.tally.fail - 1, 1, estate.score],
  );
  assert.ok(accepted.scoreWithExceptions! > accepted.score!);

  const run = w.audit.jobs['audit.compliance']!;
  await run({});
  await run({});
  w.later(24 * 60);
  await run({});
  const { items } = await w.call<{ items: ComplianceDay[] }>('listComplianceDays', { query: {} });
  assert.deepEqual(
    items.map(({ day }) => day),
    ['2026-11-20', '2026-11-21'],
  );
  assert.equal(items[0]!.score, estate.score);
});

test('a host that reports no longer is not counted for what it is not held to any more', async () => {
  const w = await begin();
  await host(w, 'web', GOOD);
  w.later(3 * 24 * 60);
  const exclude = { profiles: [{ name: 'p', exclude: ['linux-baseline'] }] };
  await w.call('setPolicies', { body: { ...exclude, policies: [{ name: 'all', profile: 'p', hosts: '*' }] } });
  await w.settle();
  const { items } = await get(w, 'kit');
  assert.ok(items.length > 0 && !items.some(({ id }) => id === 'linux-baseline'));
});
