import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, test } from 'node:test';
import type { Finding } from '../../model/finding.ts';
import { systemActor } from '../../model/actor.ts';
import { signKit } from './kit-tools/signature.ts';
import { parseKit } from './kit-tools/parse.ts';
import { skeleton } from './kit-tools/skeleton.ts';
import { world, type World } from './testing/world.ts';

const TEXT = skeleton('ours')['kit.yaml']!;
const digestOf = (text: string): string => parseKit(text, 'kit.yaml').digest;
const pair = () => {
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  return { pem, publicKey: signKit(parseKit(TEXT, 'kit.yaml'), pem).publicKey };
};
const names = async (w: World): Promise<string[]> =>
  (await w.call<{ items: { kit: { kit: string } }[] }>('listKits')).items.map(({ kit }) => kit.kit);
const install = (w: World, body: object) => w.call<{ digest: string; signedBy: string | null }>('installKit', { body });

const stateOf = async (w: World, host: string) =>
  (await w.call<{ items: Finding[] }>('listFindings', { query: { kit: 'ours', host } })).items.map(
    ({ state, closeReason }) => ({ state, closeReason }),
  );

const OS = {
  id: 'debian',
  versionId: '12',
  codename: '',
  prettyName: '',
  arch: 'x86_64',
  hostname: 'a',
  machineId: null,
  bootId: null,
  kernel: '6',
  kernelVersion: null,
  image: null,
  libc: null,
  serviceManager: 'systemd' as const,
};
const facts = (value: string) => ({
  os: OS,
  settings: { sshd: {}, sysctl: { 'net.ipv4.tcp_syncookies': value }, users: [] },
});

async function begin(): Promise<World> {
  const w = await world();
  after(() => w.close());
  return w;
}

test('a kit is installed by its digest, judges hosts at once, and is removed when nothing of it burns', async () => {
  const w = await begin();
  await assert.rejects(install(w, { text: TEXT }), { code: 'KIT_UNSIGNED' });
  await assert.rejects(install(w, { text: TEXT, digest: 'f'.repeat(64) }), { code: 'KIT_PINNED' });
  assert.ok(!(await names(w)).includes('ours'));
  const done = await install(w, { text: TEXT, digest: digestOf(TEXT) });
  assert.deepEqual([done.digest, done.signedBy], [digestOf(TEXT), null]);
  assert.ok((await names(w)).includes('ours'));

  const host = await w.find('192.0.2.10', 'SHA256:ours');
  await w.send(host, facts('0'));
  await w.settle();
  const found = async () =>
    (await w.call<{ items: { state: string }[] }>('listFindings', { query: { kit: 'ours', host } })).items.map(
      (one) => one.state,
    );
  assert.deepEqual(await found(), ['open']);
  await assert.rejects(w.call('removeKit', { params: { id: 'ours' } }), { code: 'KIT_IN_USE' });
  w.later();
  await w.send(host, facts('1'));
  await w.settle();
  assert.deepEqual(await found(), ['fixed']);
  await w.call('removeKit', { params: { id: 'ours' } });
  assert.ok(!(await names(w)).includes('ours'));
  // What it found is still on record, so nobody is told that there is no such kit.
  assert.deepEqual(await found(), ['fixed']);
  for (const id of ['listFindings', 'countFindings', 'listExposures', 'getLikelySource'])
    await w.call(id, { query: { kit: 'ours', ...(id.endsWith('Findings') ? { state: 'open' } : {}) } });
  for (const id of ['listFindings', 'countFindings', 'listExposures', 'getLikelySource', 'exportFindings'])
    await assert.rejects(
      w.call(id, { query: { kit: 'nope', ...(id === 'exportFindings' ? { format: 'csv' } : {}) } }),
      { code: 'NOT_FOUND', message: /no kit "nope"/ },
      id,
    );
  const entries = (await w.entries('audit.kit.')).filter(({ detail }) => detail['kit'] === 'ours');
  assert.deepEqual(
    entries.map(({ type }) => type),
    ['audit.kit.installed', 'audit.kit.loaded', 'audit.kit.removed'],
  );
});

const ENTRY = { type: 'audit.kit.changed', subject: { kind: 'kit', id: 'ours' }, detail: {} } as const;

/** A host on which the one check of the kit fails. */
async function burning(): Promise<{ w: World; host: string }> {
  const w = await begin();
  await install(w, { text: TEXT, digest: digestOf(TEXT) });
  const host = await w.find('192.0.2.10', 'SHA256:ours');
  await w.send(host, facts('0'));
  await w.settle();
  assert.deepEqual((await stateOf(w, host))[0]?.state, 'open');
  return { w, host };
}

test('what a removed kit found, and was accepted, does not burn for ever: it is closed, and not called fixed', async () => {
  const { w, host } = await burning();
  const ids = (await w.audit.findings({ hostId: host, kit: 'ours' })).map(({ id }) => id);
  await w.platform.act(systemActor('test'), ENTRY, (tx) => w.audit.setFindingState(tx, ids, 'excepted', {}));
  await w.call('removeKit', { params: { id: 'ours' } });
  w.later();
  await w.audit.jobs['audit.sweep']!({});
  await w.settle();
  const gone = [{ state: 'not-applicable', closeReason: 'the kit ours is not installed any more' }];
  assert.deepEqual(await stateOf(w, host), gone);
  await install(w, { text: TEXT, digest: digestOf(TEXT) });
  w.later();
  await w.audit.jobs['audit.sweep']!({});
  await w.settle();
  assert.deepEqual(await stateOf(w, host), [{ state: 'open', closeReason: null }]);
});

test('a check that the newer version of a kit has not: what it found is closed, and says why', async () => {
  const { w, host } = await burning();
  const check = parseKit(TEXT, 'k').kit.checks[0]!.id;
  const text = TEXT.replaceAll(check, 'another').replace('version: 0.1.0', 'version: 0.2.0');
  await install(w, { text, digest: digestOf(text) });
  w.later();
  await w.audit.jobs['audit.sweep']!({});
  await w.settle();
  const states = (await stateOf(w, host)).toSorted((a, b) => (a.state < b.state ? -1 : 1));
  const why = `the kit ours has no check ${check} any more`;
  assert.deepEqual(states, [
    { state: 'not-applicable', closeReason: why },
    { state: 'open', closeReason: null },
  ]);
});

test('a kit that this release cannot read any more keeps what it found', async () => {
  const { w, host } = await burning();
  await w.platform.act(systemActor('test'), ENTRY, (tx) =>
    tx.db
      .withTables<{ 'audit.installed_kit': { kit: string; text: string; digest: string } }>()
      .updateTable('audit.installed_kit')
      .set({ text: 'kit: ours', digest: 'f'.repeat(64) })
      .execute(),
  );
  w.later();
  await w.audit.jobs['audit.sweep']!({});
  await w.settle();
  assert.ok(!(await names(w)).includes('ours'));
  assert.deepEqual(await stateOf(w, host), [{ state: 'open', closeReason: null }]);
});

test('a kit that a profile names is not removed: hosts would be held to nothing', async () => {
  const w = await begin();
  await install(w, { text: TEXT, digest: digestOf(TEXT) });
  await w.call('setPolicies', { body: { profiles: [{ name: 'small', include: ['ours'] }] } });
  await assert.rejects(w.call('removeKit', { params: { id: 'ours' } }), { code: 'KIT_IN_PROFILE', message: /small/ });
  await w.call('removeProfile', { params: { name: 'small' } });
  await w.call('removeKit', { params: { id: 'ours' } });
});

test('with keys in the configuration only what one of them signed is installed', async () => {
  const w = await begin();
  const [ours, theirs] = [pair(), pair()];
  w.platform.config.kitKeys = [ours.publicKey];
  const by = (pem: string, text: string) => ({ text, signature: signKit(parseKit(text, 'k'), pem).signature });
  const digest = digestOf(TEXT);
  await assert.rejects(install(w, { text: TEXT, digest }), { code: 'KIT_UNSIGNED', message: /not signed/ });
  await assert.rejects(install(w, by(theirs.pem, TEXT)), { code: 'KIT_UNSIGNED', message: /none of the keys/ });
  const changed = TEXT.replace('severity: medium', 'severity: info');
  await assert.rejects(install(w, { ...by(ours.pem, TEXT), text: changed }), { code: 'KIT_UNSIGNED' });
  assert.equal((await install(w, by(ours.pem, TEXT))).signedBy, ours.publicKey);
  // The same again changes nothing; other contents want a higher version.
  await install(w, by(ours.pem, TEXT));
  await assert.rejects(install(w, by(ours.pem, changed)), { code: 'KIT_VERSION' });
  await install(w, by(ours.pem, changed.replace('version: 0.1.0', 'version: 0.1.1')));
  await assert.rejects(install(w, by(ours.pem, TEXT)), { code: 'KIT_VERSION' });
});

test('a kit of the release is neither replaced nor removed, and a broken one changes nothing', async () => {
  const w = await begin();
  const before = await names(w);
  const shipped = TEXT.replace('kit: ours', 'kit: heartbleed');
  await assert.rejects(install(w, { text: shipped, digest: digestOf(shipped) }), { code: 'KIT_SHIPPED' });
  await assert.rejects(w.call('removeKit', { params: { id: 'heartbleed' } }), { code: 'KIT_SHIPPED' });
  await assert.rejects(w.call('removeKit', { params: { id: 'nope' } }), { code: 'NOT_FOUND' });
  await assert.rejects(install(w, { text: TEXT.replace('facts.settings', 'facts.setings'), digest: 'f'.repeat(64) }), {
    code: 'KIT_INVALID',
    message: /kit\.yaml:2\d:\d+ .*setings/,
  });
  assert.deepEqual(await names(w), before);
});

test('controls: which checks serve each, by catalogue and id', async () => {
  const w = await begin();
  const of = async (query: object) =>
    (
      await w.call<{ items: { framework: string; id: string; checks: { check: string }[] }[] }>('listControls', {
        query,
      })
    ).items;
  const [one, ...more] = await of({ framework: 'cis-debian-12', id: '5.1.20' });
  assert.deepEqual([one?.checks.map(({ check }) => check), more], [['sshd-root-login'], []]);
  assert.deepEqual(await of({ id: '99.99' }), []);
  assert.ok((await of({ framework: 'pci-dss-4' })).length > 20);
});
