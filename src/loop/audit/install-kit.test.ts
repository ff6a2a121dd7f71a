import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, test } from 'node:test';
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
  const os = {
    id: 'debian',
    versionId: '12',
    codename: '',
    prettyName: '',
    arch: 'x86_64',
    hostname: 'a',
    machineId: null,
  };
  const facts = (value: string) => ({
    os: {
      ...os,
      bootId: null,
      kernel: '6',
      kernelVersion: null,
      image: null,
      libc: null,
      serviceManager: 'systemd' as const,
    },
    settings: { sshd: {}, sysctl: { 'net.ipv4.tcp_syncookies': value }, users: [] },
  });
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
  const entries = (await w.entries('audit.kit.')).filter(({ detail }) => detail['kit'] === 'ours');
  assert.deepEqual(
    entries.map(({ type }) => type),
    ['audit.kit.installed', 'audit.kit.loaded', 'audit.kit.removed'],
  );
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
