import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { isAppError } from '../../model/errors/index.ts';
import type { Finding } from '../../model/finding.ts';
import type { PolicyList, PolicyPreview } from '../../model/policy.ts';
import { tagHost } from '../discovery/claims.ts';
import { judgedHosts } from './store-judged.ts';
import { certificate, shop, tls, type World, world } from './testing/world.ts';

const open: World[] = [];
after(() => Promise.all(open.map((one) => one.close())));
const OLGA = { kind: 'user', id: 'user_1', name: 'Olga', role: 'operator' } as const;

/** Two vulnerable shops, of which the first is tagged env=lab. */
async function shops(): Promise<{ w: World; lab: string; prod: string }> {
  const w = await world();
  open.push(w);
  const ids: string[] = [];
  for (const [index, name] of ['lab', 'prod'].entries()) {
    const at = { address: `10.1.0.${10 + index}`, port: 8443, name };
    const id = await w.find(at.address, `SHA256:${name}`);
    await w.look(id, at.address, at.port, tls('vulnerable', certificate(name, '01')));
    w.later();
    const startedAt = new Date(w.clock.now.getTime() - 3_600_000);
    await w.send(id, shop({ version: '0.10.0-1', pid: 4711, startedAt, machineId: name }, at));
    ids.push(id);
  }
  await tagHost(w.platform, OLGA, ids[0]!, { env: 'lab' });
  await tagHost(w.platform, OLGA, ids[1]!, { env: 'prod' });
  await w.settle();
  return { w, lab: ids[0]!, prod: ids[1]! };
}

const set = (w: World, body: object): Promise<PolicyPreview> => w.call('setPolicies', { body });
const of = async (w: World, hostId: string, check: string): Promise<Finding> => {
  const found = (await w.audit.findings({ hostId })).filter((one) => `${one.kit}/${one.check}` === check);
  assert.equal(found.length, 1, JSON.stringify(found));
  return found[0]!;
};
const PROBE = 'heartbleed/heartbleed-probe';
const PACKAGE = 'heartbleed/heartbleed-package';
const LAB = {
  profiles: [{ name: 'lab', exclude: [PROBE], severity: { [PACKAGE]: 'low' }, slaDays: { low: 30 } }],
  policies: [{ name: 'lab-hosts', profile: 'lab', hosts: 'env=lab' }],
};

test('a policy says which checks apply, how bad they are and how soon; what it takes away is never called fixed', async () => {
  const { w, lab, prod } = await shops();
  assert.equal((await of(w, lab, PROBE)).state, 'open');
  const judged = await judgedHosts(w.platform.db);

  const preview = await w.call<PolicyPreview>('previewPolicies', { body: LAB });
  assert.deepEqual(
    preview.effects.map(({ hostId, removed, added }) => ({ hostId, removed, added })),
    [{ hostId: lab, removed: [PROBE], added: [] }],
  );
  const low = w.audit
    .kits()
    .flatMap(({ kit }) => kit.checks.flatMap(({ id, severity }) => (severity === 'low' ? [`${kit.kit}/${id}`] : [])));
  assert.deepEqual(preview.effects[0]!.changed.toSorted(), [...low, PACKAGE].toSorted(), 'what is low has a time now');
  assert.equal(preview.closes, 1);
  assert.equal((await w.call<PolicyList>('listPolicies')).policies.length, 0, 'a preview writes nothing');

  w.later(10);
  assert.deepEqual(await set(w, LAB), preview, 'the preview told what happens');
  await w.settle();
  const gone = await of(w, lab, PROBE);
  assert.equal(gone.state, 'not-applicable');
  assert.match(gone.closeReason ?? '', /^not applicable by policy: .*lab-hosts/);
  const kept = await of(w, lab, PACKAGE);
  assert.deepEqual([kept.state, kept.severity], ['open', 'low']);
  assert.equal(kept.dueAt, new Date(Date.parse(kept.openedAt) + 30 * 86_400_000).toISOString());
  assert.equal((await of(w, prod, PROBE)).state, 'open', 'no policy is for it, so every kit applies');
  assert.deepEqual(
    (await w.entries('audit.findings')).map(({ type }) => type).filter((type) => /fixed|withdrawn/.test(type)),
    ['audit.findings.withdrawn'],
  );
  const again = await judgedHosts(w.platform.db);
  assert.ok(again.get(lab)!.at > judged.get(lab)!.at);
  assert.deepEqual(again.get(prod), judged.get(prod), 'a host that it does not concern is not judged again');

  w.later(10);
  await w.call('removePolicy', { params: { name: 'lab-hosts' } });
  await w.settle();
  const back = await of(w, lab, PROBE);
  assert.deepEqual([back.state, back.rekindledAt, back.closeReason, back.id], ['open', null, null, gone.id]);
  assert.equal((await of(w, lab, PACKAGE)).dueAt, null);
  const types = (await w.entries('audit.')).map(({ type }) => type);
  assert.ok(types.includes('audit.findings.reopened') && !types.includes('audit.findings.rekindled'));
});

test('a tag that changes moves the host to another policy; the sweep finds a host whose job was lost', async () => {
  const { w, lab, prod } = await shops();
  await set(w, LAB);
  await w.settle();
  await tagHost(w.platform, OLGA, prod, { env: 'lab' });
  await w.settle();
  assert.equal((await of(w, prod, PROBE)).state, 'not-applicable');

  await w.platform.db
    .withTables<{ 'audit.judged': { host_id: string; kits: string } }>()
    .updateTable('audit.judged')
    .set({ kits: 'as by others' })
    .where('host_id', '=', lab)
    .execute();
  w.later();
  const before = (await judgedHosts(w.platform.db)).get(lab)!.at;
  await w.audit.jobs['audit.sweep']!({});
  await w.settle();
  const now = (await judgedHosts(w.platform.db)).get(lab)!;
  assert.ok(now.at > before && now.kits !== 'as by others');
});

test('what is wrong with a policy is refused as a whole, and what is set twice changes nothing', async () => {
  const { w } = await shops();
  const refused = async (body: object, why: RegExp): Promise<void> => {
    await assert.rejects(set(w, body), (error) => why.test((error as Error).message));
    const { profiles, policies } = await w.call<PolicyList>('listPolicies');
    assert.deepEqual([profiles, policies], [[], []]);
  };
  const profile = { name: 'p' };
  const policy = { name: 'x', profile: 'p', hosts: '*' };
  await refused({ profiles: [profile], policies: [{ ...policy, profile: 'q' }] }, /no profile q/);
  await refused({ profiles: [{ ...profile, include: ['heartblead'] }] }, /no kit or check heartblead/);
  await refused({ profiles: [profile, profile] }, /twice/);
  await refused({ profiles: [profile], policies: [{ ...policy, hosts: 'env=prod owner=web' }] }, /missing/);
  await refused({ profiles: [{ ...profile, slaDays: { high: 0 } }] }, />=1/);
  await set(w, { profiles: [profile], policies: [policy] });
  const entries = (await w.entries('audit.policies')).length;
  assert.equal((await set(w, { profiles: [profile], policies: [policy] })).hosts, 0);
  assert.equal((await w.entries('audit.policies')).length, entries);
  await assert.rejects(w.call('removeProfile', { params: { name: 'p' } }), (error) =>
    isAppError(error, 'PROFILE_IN_USE'),
  );
  await set(w, { keep: false });
  assert.deepEqual((await w.call<PolicyList>('listPolicies')).policies, []);
});
