import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Comparison } from '../../model/compare.ts';
import type { Facts } from '../../model/facts.ts';
import { nodejs, shop, type World, world } from './testing/world.ts';

const open: World[] = [];
after(() => Promise.all(open.map((one) => one.close())));

const facts = (name: string, root: string, more: Partial<Facts> = {}): Partial<Facts> => {
  const startedAt = new Date('2026-11-20T09:00:00.000Z');
  const at = { address: '10.1.0.10', port: 8443, name: 'app' };
  const sshd = { permitrootlogin: root, passwordauthentication: 'no' };
  return {
    ...shop({ version: '0.10.48-1', pid: 4711, startedAt, machineId: name }, at),
    settings: { sshd, sysctl: { 'net.ipv4.ip_forward': '0' }, users: [] },
    ...more,
  };
};

test('3.19: two hosts side by side: only what differs, and what is not known of one is not compared', async () => {
  const w = await world();
  open.push(w);
  const golden = await w.find('10.1.0.1', 'SHA256:golden');
  const web = await w.find('10.1.0.2', 'SHA256:web');
  const curl = { ...nodejs('7.88.1-10'), name: 'curl', source: 'curl' };
  await w.send(golden, facts('golden', 'no', { packages: [nodejs('0.10.48-1'), curl] }));
  await w.send(web, facts('web', 'yes', { packages: [nodejs('0.10.48-1')] }));
  await w.settle();
  const compare = (first: string, second: string): Promise<Comparison> =>
    w.call('compareHosts', { query: { first, second } });
  const found = await compare(golden, web);
  assert.deepEqual(found.packages, [{ what: 'curl:amd64 (Debian)', first: '7.88.1-10', second: null }]);
  assert.deepEqual(found.settings, [{ what: 'sshd permitrootlogin', first: 'no', second: 'yes' }]);
  assert.deepEqual(
    found.verdicts.map(({ check, first, second }) => [check, first, second]),
    [['sshd-root-login', 'pass', 'fail']],
  );
  assert.equal(found.same.packages, 1);
  const other = await compare(web, golden);
  const turned = ({ what, first, second }: Comparison['packages'][number]) => ({ what, first: second, second: first });
  assert.deepEqual(other.packages, found.packages.map(turned), 'the other way round it is the same');
  const self = await compare(web, web);
  assert.deepEqual([self.packages, self.settings, self.verdicts], [[], [], []]);

  const bare = await w.find('10.1.0.3', 'SHA256:bare');
  const { packages, unknown } = await compare(golden, bare);
  assert.deepEqual(packages, [], 'nothing is said of packages that nobody saw');
  assert.ok(unknown.some(({ section, host }) => section === 'packages' && host === '10.1.0.3'));
});
