import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import type { Feed } from '../../model/feed.ts';
import { merge } from '../discovery/merge.ts';
import { vexStatements } from './store-export.ts';
import { syncFeed } from './take-feed.ts';
import {
  CVE,
  DEBIAN,
  debianHost,
  fixedIn,
  list,
  NEW,
  OLD,
  OPENSSH,
  show,
  sshd,
  takeFeed,
  worlds,
} from './testing/vulnerabilities.ts';

const newWorld = worlds();

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

test('3.20: a listener that a look from outside reached is more urgent than one that only the host tells of; where from and when is told', async () => {
  const w = await newWorld();
  await takeFeed(w, DEBIAN, OPENSSH);
  const at = { address: '0.0.0.0', port: 22, pid: 1, process: 'sshd', unit: 'ssh.service', package: 'openssh-server' };
  const [a, b] = [await debianHost(w, 1, [sshd(OLD)]), await debianHost(w, 2, [sshd(OLD)])];
  for (const id of [a, b]) await w.send(id, { sockets: [at] });
  await w.settle();
  const factor = async (wanted: string) => (await list(w)).items[0]!.factors.find(({ name }) => name === wanted)!;
  assert.deepEqual(
    [(await factor('exposure')).why, await factor('reached')],
    [
      'by the hosts’ own word it listens beyond the loopback on 2 of 2, not seen from outside',
      { name: 'reached', why: 'no look from outside reached it', times: 1 },
    ],
  );
  w.later();
  await w.look(a, '10.3.0.1', 8080, 'it says nothing');
  await w.settle();
  assert.equal((await factor('reached')).times, 1, 'another port is nothing of it');
  await w.look(a, '10.3.0.1', 22, 'it says nothing');
  await w.settle();
  const day = w.clock.now.toISOString().slice(0, 10);
  const { why, times } = await factor('reached');
  assert.deepEqual([why, times], [`a look from outside reached it on 1 of 2: from this server, last on ${day}`, 1.5]);
  assert.match((await factor('exposure')).why, /on 2 of 2, on 1 of them not seen from outside$/);

  // The same port of another host, seen from a site.
  await sql`update discovery.address set site = 'berlin' where host_id = ${b}`.execute(w.platform.db);
  w.later();
  await w.look(b, '10.3.0.2', 22, 'it says nothing');
  await w.settle();
  const both = await factor('reached');
  assert.deepEqual([both.times, both.why.includes('2 of 2: from site berlin, this server')], [2, true], both.why);
  await sql`update discovery.endpoint set state = 'gone' where port = 22`.execute(w.platform.db);
  for (const id of [a, b]) await w.platform.queue.enqueue('audit.host', { hostId: id }, { singletonKey: id });
  await w.settle();
  assert.equal((await factor('reached')).times, 1, 'what is gone is not reached');
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

test('12.4: what a feed says of a Python library is in the exchange file, however each of them writes its name', async () => {
  const w = await newWorld();
  await takeFeed(w, { name: 'pypi', kind: 'osv', settings: { ecosystem: 'PyPI' } }, [
    {
      id: 'PYSEC-2026-1',
      modified: '2026-11-01T00:00:00Z',
      affected: [
        {
          package: { ecosystem: 'PyPI', name: 'Foo_Bar' },
          ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '2.0' }] }],
        },
      ],
    },
  ]);
  const library = { ecosystem: 'PyPI', name: 'foo.bar', version: '1.0' };
  const component = { ...library, path: '/srv/app/foo', usedBy: [], container: false };
  const id = await debianHost(w, 1, [], { inventories: { components: [component], unread: [] } });
  await w.settle();
  assert.equal((await list(w, { host: id })).total, 1);
  const found: string[] = [];
  for await (const { vulnerability } of vexStatements(w.platform.db, [{ id, name: 'host-1' }], undefined))
    found.push(vulnerability);
  assert.deepEqual(found, ['PYSEC-2026-1']);
});

test('3.1: a server that is stopped while it fetches a feed has not been refused by it: the job runs again', async () => {
  const w = await newWorld();
  await w.call('addFeed', {
    body: { name: 'kev', kind: 'kev', url: 'http://127.0.0.1:9/kev.json', settings: {} },
  });
  const stopping = AbortSignal.abort(new Error('stopping'));
  const stopped = Object.assign(Object.create(w.platform) as typeof w.platform, { stopping });
  await assert.rejects(syncFeed(stopped, 'kev'), /stopping/);
  const [feed] = (await w.call<{ items: Feed[] }>('listFeeds')).items;
  assert.deepEqual([feed!.lastTriedAt, feed!.lastError], [null, null]);
  assert.deepEqual(await w.entries('audit.feed.refused'), []);
});
