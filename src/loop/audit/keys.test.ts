import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemActor } from '../../model/actor.ts';
import type { ProbeResult } from '../../model/probe.ts';
import type { PublicKeys } from '../../model/key.ts';
import { certificate, keyFiles, shop, tls, world, type World } from './testing/world.ts';

let w: World;
before(async () => {
  w = await world();
});
after(() => w.close());

const PRINT = (letter: string): string => `SHA256:${letter.repeat(43)}`;
const keys = (query: object = {}): Promise<PublicKeys> => w.call<PublicKeys>('listPublicKeys', { query });
const places = ({ items }: PublicKeys): string[] =>
  items.flatMap((one) => one.places.map(({ hostName, kind, place }) => `${hostName} ${kind} ${place}`));

function ssh(...letters: string[]): ProbeResult {
  const hostKeys = letters.map((letter) => ({ type: 'ssh-ed25519', fingerprint: PRINT(letter) }));
  return {
    protocol: 'ssh',
    banner: 'SSH-2.0-OpenSSH_9.2',
    hostKeys,
    algorithms: { kex: [], hostKey: [], cipher: [], mac: [] },
  };
}

const A = { address: '10.9.0.10', port: 8443, name: 'shop' };
const B = { address: '10.9.0.11', port: 9443, name: 'copy' };
const leaf = certificate('shop', '01');

test('M.3: a key copied to a second host: the radar shows both, and the burnt one with what is to rotate it', async () => {
  const first = await w.find(A.address, PRINT('a'));
  await w.look(first, A.address, A.port, tls('vulnerable', leaf));
  const startedAt = new Date(w.clock.now.getTime() - 60_000);
  await w.send(first, shop({ version: '0.10.1-1', pid: 7, startedAt, key: leaf }, A));
  await w.settle();
  const alone = await keys({ key: leaf.spki });
  assert.deepEqual([alone.items[0]!.hosts, alone.more], [1, false]);
  assert.deepEqual((await keys({ shared: 'true' })).items, [], 'one host in several places is no second host');
  const since = alone.items[0]!.since!;

  w.later(90);
  const second = await w.find(B.address, PRINT('b'));
  // First only the certificate, which is public; then the key.
  await w.send(second, { certificates: keyFiles(leaf, { certificate: '/etc/ssl/certs/copy.pem' }) });
  await w.settle();
  assert.equal((await keys({ key: leaf.spki })).items[0]!.hosts, 1);
  const both = { certificate: '/etc/ssl/certs/copy.pem', privateKey: '/etc/ssl/private/copy.key' };
  await w.send(second, { certificates: keyFiles(leaf, both) });
  await w.look(second, B.address, B.port, tls('safe', leaf));
  await w.settle();
  const shared = await keys({ shared: 'true' });
  assert.deepEqual(
    shared.items.map(({ key, hosts, total }) => [key, hosts, total]),
    [[leaf.spki, 2, 7]],
  );
  assert.deepEqual(
    places(shared)
      .filter((one) => /served|key$/.test(one))
      .toSorted(),
    [
      'shop file /etc/ssl/private/site.key',
      'shop served 10.9.0.10:8443',
      'shop.example file /etc/ssl/private/copy.key',
      'shop.example served 10.9.0.11:9443',
    ],
  );
  const key = shared.items[0]!;
  assert.equal(key.since, since, 'what goes on being there is there since then');
  assert.deepEqual(
    key.burnt.map(({ kit, endpoint, cause }) => [kit, endpoint, cause]),
    [
      ['heartbleed', '10.9.0.10:8443', 'vulnerable'],
      ['heartbleed', '10.9.0.11:9443', 'shared-key'],
    ],
  );
  assert.deepEqual((await keys({ burnt: 'true' })).items, shared.items);

  const [finding] = await w.audit.findings({ ids: key.findings.map(({ id }) => id) });
  assert.equal(finding!.endpoint, '10.9.0.10:8443');
  const subject = { kind: 'change' as const, id: 'change_1' };
  await w.platform.act(
    { kind: 'user', id: 'user_1', name: 'Olga', role: 'operator' },
    { type: 'change.planned', subject },
    (tx) => w.audit.setFindingState(tx, [finding!.id], 'planned', { changeId: 'change_1' }),
  );
  const now = (await keys({ host: second })).items.find((one) => one.key === leaf.spki)!;
  assert.deepEqual(now.findings, [{ id: finding!.id, state: 'planned', changeId: 'change_1' }]);
});

test('SSH: host keys that are proven and that lie on disk, and keys that accounts let in', async () => {
  const one = await w.find('10.9.1.1', PRINT('c'));
  await w.look(one, '10.9.1.1', 22, ssh('c', 'd'));
  const settings = { sshd: {}, sysctl: {}, users: [] };
  const file = (letter: string) => ({
    path: '/etc/ssh/ssh_host_ed25519_key',
    type: 'ssh-ed25519',
    fingerprint: PRINT(letter),
  });
  await w.send(one, { settings: { ...settings, sshHostKeys: [file('c')] } });
  const two = await w.find('10.9.1.2', PRINT('e'));
  const authorized = {
    user: 'root',
    path: '/root/.ssh/authorized_keys',
    type: 'ssh-ed25519',
    fingerprint: PRINT('f'),
    comment: '',
    options: [],
  };
  const users = { accounts: [], groups: [], sudo: [], sudoDefaults: [], unread: [], authorizedKeys: [authorized] };
  for (const id of [one, two]) await w.send(id, { users });
  await w.settle();
  assert.deepEqual(places(await keys({ key: PRINT('c') })).toSorted(), [
    '10.9.1.1 ssh-file /etc/ssh/ssh_host_ed25519_key',
    '10.9.1.1 ssh-served 10.9.1.1:22',
  ]);
  const [admitted] = (await keys({ key: PRINT('f') })).items;
  assert.deepEqual([admitted!.kind, admitted!.hosts, admitted!.admits, admitted!.total], ['ssh', 0, 2, 2]);
  assert.ok(admitted!.places.every(({ holds }) => !holds));
  const ofSsh = async () => (await keys({ shared: 'true' })).items.filter(({ kind }) => kind === 'ssh');
  assert.deepEqual(await ofSsh(), [], 'to let a key in is not to hold it');

  // An image with a host key in it, started twice.
  await w.send(two, { settings: { ...settings, sshHostKeys: [file('c')] } });
  await w.settle();
  assert.deepEqual(
    (await ofSsh()).map(({ key, hosts }) => [key, hosts]),
    [[PRINT('c'), 2]],
  );
  await w.send(two, { settings: { ...settings, sshHostKeys: [file('e')] } });
  await w.settle();
  assert.deepEqual(await ofSsh(), [], 'what is gone is no place any more');
});

test('a certificate of ours that a transparency log has is told with its key, by its serial', async () => {
  const own = certificate('logged', '04A57C1CFEB35D3D20B7A0A6CE7D5AFC6A2C');
  const hostId = await w.find('10.9.2.1', PRINT('g'));
  await w.look(hostId, '10.9.2.1', 443, tls('safe', own));
  const told = {
    called: 'www.example.org',
    issuer: 'C=US, O=Authority',
    serials: '77 4a57c1cfeb35d3d20b7a0a6ce7d5afc6a2c',
  };
  await w.platform.observe(systemActor('source logs'), (tx) =>
    w.discovery.recordSightings(tx, [
      {
        source: 'certificate-log',
        address: '10.9.2.1',
        at: w.clock.now.toISOString(),
        identifiers: [],
        evidence: told,
      },
    ]),
  );
  await w.settle();
  const [key] = (await keys({ key: own.spki })).items;
  assert.deepEqual(
    key!.logged.map(({ name, issuer }) => [name, issuer]),
    [['www.example.org', 'C=US, O=Authority']],
  );
  assert.deepEqual((await keys({ key: leaf.spki })).items[0]!.logged, [], 'a short serial is no proof');
});

test('a long list ends where it was asked to, and says so', async () => {
  const two = await keys({ limit: 2 });
  assert.deepEqual([two.items.length, two.more], [2, true]);
  assert.equal(two.items[0]!.key, leaf.spki, 'burnt ones first');
  await assert.rejects(keys({ key: "x' or 1" }));
});
