import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Vulnerabilities, VulnerabilityDetail } from '../../model/vulnerability.ts';
import { merge } from '../discovery/merge.ts';
import { debianHost, debianPackage, fixedIn, takeFeed, tracker } from './testing/vulnerabilities.ts';
import { type World, world } from './testing/world.ts';

const open: World[] = [];
after(() => Promise.all(open.map((one) => one.close())));
async function newWorld(): Promise<World> {
  const w = await world();
  open.push(w);
  return w;
}

const DEBIAN = { name: 'debian', kind: 'debian-tracker' };
const CVE = 'CVE-2024-6387';
const OPENSSH = tracker({ openssh: { [CVE]: fixedIn('1:9.2p1-2+deb12u3', 'high') } });
const sshd = (version: string) => debianPackage('openssh-server', version, { source: 'openssh' });
const [OLD, NEW] = ['1:9.2p1-2+deb12u2', '1:9.2p1-2+deb12u3'];

const list = (w: World, query: object = {}): Promise<Vulnerabilities> => w.call('listVulnerabilities', { query });
const show = (w: World, advisory: string): Promise<VulnerabilityDetail> =>
  w.call('showVulnerability', { params: { advisory } });

test('3.20: a package that comes to listen, or that more connect to, is more urgent without any other change', async () => {
  const w = await newWorld();
  await takeFeed(w, DEBIAN, OPENSSH);
  const id = await debianHost(w, 1, [sshd(OLD)]);
  await w.settle();
  const factors = async () =>
    Object.fromEntries((await list(w)).items[0]!.factors.map(({ name, times }) => [name, times]));
  assert.equal((await factors())['exposure'], 1);
  w.later();
  const at = { address: '0.0.0.0', port: 22, pid: 1, process: 'sshd', unit: 'ssh.service', package: 'openssh-server' };
  await w.send(id, { sockets: [at] });
  await w.settle();
  assert.equal((await factors())['exposure'], 2);
  const peer = {
    direction: 'in',
    localAddress: '10.3.0.1',
    localPort: 22,
    peerPort: 5,
    count: 1,
    pid: 1,
    process: 'sshd',
    unit: null,
  };
  w.later();
  await w.send(id, { connections: [1, 2, 3].map((n) => ({ ...peer, peerAddress: `10.9.0.${n}` })) } as never);
  await w.settle();
  assert.ok((await factors())['dependants']! > 1);
  w.later();
  await w.send(id, { sockets: [] });
  await w.settle();
  assert.equal((await factors())['exposure'], 1);
});

test('3.9: removing a feed fixes nothing: what was open is unproven where the package is still there', async () => {
  const w = await newWorld();
  await takeFeed(w, DEBIAN, OPENSSH);
  const a = await debianHost(w, 1, [sshd(OLD)]);
  const b = await debianHost(w, 2, [sshd(OLD)]);
  await w.settle();
  w.later();
  await w.send(b, { packages: [sshd(NEW)] });
  await w.settle();
  w.later();
  await w.call('removeFeed', { params: { name: 'debian' } });
  await w.settle();
  const states = new Map((await show(w, CVE.toLowerCase())).hosts.map((one) => [one.hostId, one.state]));
  assert.deepEqual([states.get(a), states.get(b)], ['unproven', 'fixed']);
});

test('3.9: a record that was taken for another host is not told of as fixed', async () => {
  const w = await newWorld();
  await takeFeed(w, DEBIAN, OPENSSH);
  const a = await debianHost(w, 1, [sshd(OLD)]);
  const b = await debianHost(w, 2, [sshd(OLD)]);
  await w.settle();
  w.later();
  await w.platform.observe({ kind: 'system', id: 'x', name: 'x' } as never, (tx) =>
    merge(tx, { from: a, into: b, addresses: ['10.3.0.1'], why: 'one machine' }),
  );
  await w.settle();
  assert.equal((await list(w)).items[0]!.hosts, 1);
  assert.deepEqual(
    (await show(w, CVE)).hosts.map((one) => [one.hostId, one.state]),
    [[b, 'open']],
  );
});

test('3.1: an advisory is found by its name, whatever case its letters are in', async () => {
  const w = await newWorld();
  const GHSA = 'GHSA-5qpq-xqfv-j9pg';
  await takeFeed(w, { name: 'osv', kind: 'osv', settings: { ecosystem: 'Debian' } }, [
    {
      id: GHSA,
      modified: '2026-11-01T00:00:00Z',
      affected: [
        {
          package: { ecosystem: 'Debian:12', name: 'openssh' },
          ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }] }],
        },
      ],
    },
  ]);
  await debianHost(w, 1, [sshd(OLD)]);
  await w.settle();
  for (const text of [GHSA, GHSA.toUpperCase(), GHSA.toLowerCase()]) {
    assert.equal((await list(w, { text })).total, 1, text);
    assert.equal((await show(w, text)).hosts.length, 1, text);
  }
});

test('3.20: how bad it is, the release that is affected tells and no other', async () => {
  const w = await newWorld();
  await takeFeed(w, DEBIAN, {
    openssh: {
      [CVE]: { releases: { bookworm: fixedIn(NEW, 'unimportant'), bullseye: fixedIn('1:9', 'high') } },
    },
  });
  await debianHost(w, 1, [sshd(OLD)]);
  await w.settle();
  assert.equal((await list(w)).items[0]!.severity, 'info');
});
