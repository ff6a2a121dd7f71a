import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import pg from 'pg';
import type { SectionName } from '../../model/facts.ts';
import type { Finding } from '../../model/finding.ts';
import { certificate, keyFiles, nodejs, section, shop, tls, type World, world } from './testing/world.ts';

const open: World[] = [];
after(() => Promise.all(open.map((one) => one.close())));
async function begin(): Promise<World> {
  const w = await world();
  open.push(w);
  return w;
}
const A = { address: '10.1.0.10', port: 8443 };
const B = { address: '10.1.0.11', port: 9443, name: 'pay' };
const heartbleed = async (w: World): Promise<Finding[]> => w.audit.findings({ kit: 'heartbleed' });
const one = async (w: World, check: string): Promise<Finding> => {
  const found = (await heartbleed(w)).filter((finding) => finding.check === `heartbleed-${check}`);
  assert.equal(found.length, 1, JSON.stringify(found));
  return found[0]!;
};

/** A vulnerable shop: found by a scan, then managed. */
async function vulnerableShop(w: World): Promise<string> {
  const hostId = await w.find(A.address, 'SHA256:first');
  await w.look(hostId, A.address, A.port, tls('vulnerable', certificate('shop', '01')));
  await w.settle();
  w.later();
  const startedAt = new Date(w.clock.now.getTime() - 3_600_000);
  await w.send(
    hostId,
    shop(
      { version: '0.10.0-1', pid: 4711, startedAt, image: 'web-1', machineId: 'm1', key: certificate('shop', '01') },
      A,
    ),
  );
  await w.settle();
  return hostId;
}

/** The whole remediation, as the outside and the inside see it. */
async function repair(w: World, hostId: string): Promise<void> {
  w.later();
  const startedAt = new Date(w.clock.now);
  w.later();
  await w.look(hostId, A.address, A.port, tls('safe', certificate('shop-2', '02')));
  w.later();
  await w.send(
    hostId,
    shop(
      { version: '0.10.48-1', pid: 5000, startedAt, image: 'web-1', machineId: 'm1', key: certificate('shop-2', '02') },
      A,
    ),
  );
  await w.settle();
}

test('M.1: patched without a restart stays open and names PID and unit; restarted without a look stays open; proven closes', async () => {
  const w = await begin();
  const hostId = await vulnerableShop(w);
  const [probe, pkg] = [await one(w, 'probe'), await one(w, 'package')];
  assert.deepEqual([probe.state, probe.confidence, probe.endpoint], ['open', 1, '10.1.0.10:8443']);
  assert.deepEqual([pkg.state, pkg.component, pkg.evidence['version']], ['open', 'nodejs', '0.10.0-1']);
  assert.deepEqual(pkg.advisories, ['CVE-2014-0160', 'DSA-2896-1', 'USN-2165-1']);

  // The new version is on disk, the process is the old one.
  w.later();
  const before = new Date(w.clock.now.getTime() - 3_600_000);
  await w.send(hostId, shop({ version: '0.10.48-1', pid: 4711, startedAt: before, old: true }, A));
  await w.settle();
  for (const finding of [await one(w, 'package'), await one(w, 'probe')]) {
    assert.equal(finding.state, 'open');
    assert.equal(
      finding.pending,
      'fixed on disk (nodejs 0.10.48-1), but PID 4711 (shop.service) still runs the old file',
    );
  }

  // Restarted, but nobody has looked from outside since.
  w.later();
  await w.send(hostId, shop({ version: '0.10.48-1', pid: 5000, startedAt: w.clock.now }, A));
  await w.settle();
  const waiting = await one(w, 'package');
  assert.equal(waiting.state, 'open');
  assert.match(waiting.pending!, /not proven from outside: 10\.1\.0\.10:8443 was found vulnerable at/);

  // A look that fails is no look.
  w.later();
  await w.look(hostId, A.address, A.port, 'connection reset');
  await w.audit.auditHost(hostId);
  assert.deepEqual(
    (await heartbleed(w)).map((finding) => finding.state),
    ['open', 'open'],
  );
  assert.match((await one(w, 'probe')).pending!, /the last look did not work \(connection reset\)/);

  w.later();
  await w.look(hostId, A.address, A.port, tls('safe', certificate('shop', '01')));
  await w.settle();
  const closed = await heartbleed(w);
  assert.deepEqual(
    closed.map((finding) => [finding.state, finding.pending]),
    [
      ['fixed', null],
      ['fixed', null],
    ],
  );
  assert.equal((await one(w, 'package')).evidence['version'], '0.10.48-1', 'what is shown of it is the proof');
  const told = await w.entries('audit.findings.fixed');
  const fixed = told.flatMap((entry) => entry.detail['findings'] as { id: string; check: string; host: string }[]);
  assert.deepEqual(
    fixed
      .map(({ check, host }) => `${host} ${check}`)
      .filter((name) => name.includes('heartbleed'))
      .sort(),
    ['shop heartbleed-package', 'shop heartbleed-probe'],
  );
  assert.ok(
    told.every((entry) => entry.related.includes(hostId) && /^[0-9a-f]{64}$/.test(String(entry.detail['digest']))),
  );
});

test('closed on facts of one look: new packages that another host told of first do not stand beside old processes', async () => {
  const w = await begin();
  const other = await w.find('10.1.0.11', 'SHA256:other');
  await w.send(other, { packages: [nodejs('0.10.48-1')] });
  const hostId = await vulnerableShop(w);
  w.later();
  // Upgraded, restarted and found safe from outside, before the agent tells of it.
  await w.look(hostId, A.address, A.port, tls('safe', certificate('shop', '01')));
  await w.settle();
  const probe = await one(w, 'probe');
  assert.equal(probe.state, 'fixed');
  assert.equal(probe.evidence['pid'], undefined, 'nobody has told which process it was that was looked at');
  assert.equal(probe.evidence['unit'], 'shop.service');
  w.later();
  const after = shop({ version: '0.10.48-1', pid: 5000, startedAt: new Date(w.clock.now.getTime() - 90_000) }, A);
  const heads = Object.entries(after).map(([name, data]) => section(w, name as SectionName, data));
  const { want } = await w.post(
    hostId,
    heads.map(({ data: _data, ...head }) => head),
  );
  await w.settle();
  assert.equal((await one(w, 'package')).state, 'open', 'its processes are not told yet');
  await w.post(
    hostId,
    heads.filter((head) => want.includes(head.name)),
  );
  await w.settle();
  const pkg = await one(w, 'package');
  assert.equal(pkg.state, 'fixed');
  assert.deepEqual(pkg.evidence['processes'], [{ pid: 5000, unit: 'shop.service', old: [] }]);
});

test('3.4: a new file on disk with the old one running is open when it is first seen', async () => {
  const w = await begin();
  const hostId = await w.find(A.address, 'SHA256:first');
  await w.look(hostId, A.address, A.port, tls('vulnerable', certificate('shop', '01')));
  await w.send(
    hostId,
    shop({ version: '0.10.48-1', pid: 4711, startedAt: new Date(w.clock.now.getTime() - 60_000), old: true }, A),
  );
  await w.settle();
  for (const finding of await heartbleed(w)) {
    assert.equal(finding.state, 'open');
    assert.match(finding.pending!, /PID 4711 \(shop\.service\)/);
  }
  const old = await w.audit.findings({ check: 'old-files-running' });
  assert.deepEqual(
    old.map((finding) => [finding.component, finding.evidence['pid']]),
    [['shop.service', 4711]],
  );
});

test('a look that was before the process began proves nothing about it', async () => {
  const w = await begin();
  const hostId = await w.find(A.address, 'SHA256:first');
  await w.look(hostId, A.address, A.port, tls('safe', certificate('wiki', '01')));
  w.later();
  // 0.10.2 is in range by its number; the build that was looked at is another process than this one.
  await w.send(hostId, shop({ version: '0.10.2-1', pid: 1, startedAt: w.clock.now }, A));
  await w.settle();
  assert.equal((await one(w, 'package')).state, 'open');
  w.later();
  await w.look(hostId, A.address, A.port, tls('safe', certificate('wiki', '01')));
  await w.audit.auditHost(hostId);
  // Safe now, but these facts are from before: it may be another build that was looked at.
  assert.match((await one(w, 'package')).pending!, /older than that look/);
  w.later();
  await w.send(hostId, shop({ version: '0.10.2-1', pid: 1, startedAt: new Date(w.clock.now.getTime() - 120_000) }, A));
  await w.audit.auditHost(hostId);
  const cleared = await one(w, 'package');
  assert.equal(cleared.state, 'fixed');
  assert.match(String(cleared.evidence['cleared']), /this build is not affected/);
});

test('3.8: a version that looks vulnerable never opens when a look from outside proves the build is not', async () => {
  const w = await begin();
  const hostId = await w.find(A.address, 'SHA256:first');
  await w.look(hostId, A.address, A.port, tls('safe', certificate('wiki', '01')));
  await w.send(
    hostId,
    shop({ version: '0.10.2-1', pid: 1, startedAt: new Date(w.clock.now.getTime() - 3_600_000) }, A),
  );
  await w.settle();
  assert.deepEqual(await heartbleed(w), []);
});

test('3.18, 1.8: stale facts, facts that could not be collected and a listener that is gone close nothing', async () => {
  const w = await begin();
  const hostId = await vulnerableShop(w);
  const startedAt = new Date(w.clock.now);
  w.later();
  await w.look(hostId, A.address, A.port, 'connection refused');
  await w.send(hostId, shop({ version: '0.10.48-1', pid: 5000, startedAt }, A));
  const { collectedAt: _, ...head } = { name: 'processes' as const, version: 1, hash: '0'.repeat(64), collectedAt: '' };
  await w.post(hostId, [{ ...head, collectedAt: w.clock.now.toISOString(), error: 'permission denied' }]);
  w.later();
  await w.look(hostId, A.address, A.port, tls('safe', certificate('shop', '01')));
  await w.settle();
  const blind = await one(w, 'package');
  assert.equal(blind.state, 'open');
  assert.match(blind.pending!, /processes could not be collected again: permission denied/);
  assert.equal((await w.audit.facts(hostId)).sections.processes?.length, 1, 'what was known is kept');

  // Whole again, but a day and more ago.
  await w.send(hostId, shop({ version: '0.10.48-1', pid: 5000, startedAt }, A));
  w.later(25 * 60);
  await w.audit.jobs['audit.host']!({ hostId });
  const stale = await one(w, 'package');
  assert.equal(stale.state, 'open');
  assert.match(stale.pending!, /too long ago/);
});

test('a listener that is gone keeps its finding, and says so', async () => {
  const w = await begin();
  await vulnerableShop(w);
  await w.find(A.address, 'SHA256:other');
  const hosts = await w.discovery.hosts();
  const successor = hosts.find((host) => host.addresses.includes(A.address))!;
  await w.settle();
  // Nothing listens at the new machine yet: the old finding is not proven closed by that.
  await w.audit.auditHost(successor.id);
  const probe = await one(w, 'probe');
  assert.equal(probe.state, 'open');
});

test('F.4: a machine built anew from the same image rekindles, and says where it came from', async () => {
  const w = await begin();
  const first = await vulnerableShop(w);
  await repair(w, first);
  const fixed = await heartbleed(w);
  assert.deepEqual(
    fixed.map((finding) => finding.state),
    ['fixed', 'fixed'],
  );

  w.later();
  const second = await w.find(A.address, 'SHA256:rebuilt');
  assert.notEqual(second, first);
  await w.look(second, A.address, A.port, tls('vulnerable', certificate('shop-3', '03')));
  await w.settle();
  const seen = await one(w, 'probe');
  assert.deepEqual(
    [seen.id, seen.state, seen.hostId],
    [fixed.find((f) => f.endpoint)!.id, 'rekindled', second],
    'the same finding, with its history',
  );
  assert.match(
    seen.rekindleCause!,
    /the host at 10\.1\.0\.10 was built anew: other host keys than shop had; from which image is not known/,
  );
  assert.equal(await w.audit.takeFactsRequest(second), true, 'it is asked where it came from');

  w.later();
  await w.send(
    second,
    shop(
      {
        version: '0.10.0-1',
        pid: 77,
        startedAt: new Date(w.clock.now.getTime() - 120_000),
        image: 'web-1',
        machineId: 'm2',
      },
      A,
    ),
  );
  await w.settle();
  const [probe, pkg] = [await one(w, 'probe'), await one(w, 'package')];
  assert.deepEqual([pkg.state, pkg.hostId], ['rekindled', second]);
  for (const finding of [probe, pkg]) {
    assert.match(finding.rekindleCause!, /built anew.*from the same image as before \(web-1\)/);
    assert.match(finding.rekindleCause!, /nodejs was downgraded from 0\.10\.48-1 to 0\.10\.0-1/);
  }
  const told = (await w.entries('audit.findings')).map((entry) => entry.type);
  assert.ok(told.includes('audit.findings.rekindled') && told.includes('audit.findings.explained'), told.join());
  const exposures = await w.audit.exposures({ kit: 'heartbleed' });
  assert.deepEqual(
    [...new Set(exposures.map((exposure) => exposure.hostId))],
    [second],
    'burnt keys follow the address',
  );
});

test('F.4: a downgraded package rekindles with both versions; judged again, nothing is told twice', async () => {
  const w = await begin();
  const hostId = await vulnerableShop(w);
  await repair(w, hostId);
  w.later();
  const startedAt = new Date(w.clock.now);
  w.later();
  await w.send(hostId, shop({ version: '0.10.1-1', pid: 6000, startedAt, image: 'web-1', machineId: 'm1' }, A));
  await w.settle();
  const pkg = await one(w, 'package');
  assert.equal(pkg.state, 'rekindled');
  assert.equal(pkg.rekindleCause, 'nodejs was downgraded from 0.10.48-1 to 0.10.1-1');
  assert.equal((await one(w, 'probe')).state, 'fixed', 'nobody has looked yet');
  const before = (await w.entries('')).length;
  await w.audit.auditHost(hostId);
  await w.audit.jobs['audit.sweep']!({});
  await w.settle();
  assert.equal((await w.entries('')).length, before);
});

test('F.2, M.3: a burnt key on another listener, in a file, and under a new certificate joins, whichever is seen first', async () => {
  const w = await begin();
  // The copy is there first.
  const copy = await w.find(B.address, 'SHA256:copy');
  await w.look(copy, B.address, B.port, tls('safe', certificate('shop', '77')));
  await w.settle();
  assert.deepEqual(await w.audit.exposures(), []);
  const hostId = await vulnerableShop(w);
  const exposed = await w.audit.exposures({ kit: 'heartbleed' });
  assert.deepEqual(exposed.map(({ endpoint, cause, via, serial }) => [endpoint, cause, via, serial]).sort(), [
    ['10.1.0.10:8443', 'vulnerable', null, '01'],
    ['10.1.0.11:9443', 'shared-key', '10.1.0.10:8443', '77'],
  ]);
  assert.deepEqual(
    exposed[0]!.files?.map((file) => `${file.hostName} ${file.path}`),
    ['shop /etc/ssl/certs/site.pem', 'shop /etc/ssl/private/site.key'],
  );

  // A third host only has the key in its service's files; then a certificate is reissued for the same key.
  const third = { address: '10.1.0.12', port: 443, name: 'old' };
  const thirdId = await w.find(third.address, 'SHA256:third');
  w.later();
  await w.look(thirdId, third.address, third.port, tls('safe', certificate('other', '05')));
  const facts = shop({ version: '0.10.48-1', pid: 9, startedAt: new Date(w.clock.now.getTime() - 60_000) }, third);
  await w.send(thirdId, {
    ...facts,
    certificates: keyFiles(certificate('shop', '78'), {
      certificate: '/etc/ssl/certs/site.pem',
      privateKey: '/etc/ssl/private/site.key',
    }),
  });
  await w.look(hostId, A.address, A.port, tls('safe', certificate('shop', '99')));
  await w.settle();
  const all = await w.audit.exposures({ kit: 'heartbleed' });
  assert.deepEqual(all.map(({ endpoint, cause, serial }) => `${endpoint} ${cause} ${serial}`).sort(), [
    '10.1.0.10:8443 vulnerable 01',
    '10.1.0.10:8443 vulnerable 99',
    '10.1.0.11:9443 shared-key 77',
    '10.1.0.12:443 shared-key 78',
  ]);
  const entries = await w.entries('audit.exposure.opened');
  assert.equal(entries.length, 4);
  assert.ok(
    entries.every((entry) => !String(entry.detail['host']).startsWith('host_')),
    'hosts are named',
  );
  assert.ok((await w.platform.waiting('change.campaign')).length > 0);
});

test('an older judgement that comes late does not undo a newer one', async () => {
  const w = await begin();
  const hostId = await vulnerableShop(w);
  const endpointsThen = await w.discovery.endpoints({ hostId });
  await repair(w, hostId);
  assert.deepEqual(
    (await heartbleed(w)).map((finding) => finding.state),
    ['fixed', 'fixed'],
  );
  // The worker that had read the listeners before the repair only gets to write now, then reads again.
  const { endpoints } = w.discovery;
  let late = true;
  w.discovery.endpoints = (filter) => {
    const answer = late ? Promise.resolve(endpointsThen) : endpoints(filter);
    late = false;
    return answer;
  };
  await w.audit.auditHost(hostId);
  assert.deepEqual(
    (await heartbleed(w)).map((finding) => finding.state),
    ['fixed', 'fixed'],
  );
  assert.deepEqual(await w.entries('audit.findings.rekindled'), []);
});

test('planned and excepted findings close by proof too, and are never set to fixed by hand', async () => {
  const w = await begin();
  const hostId = await vulnerableShop(w);
  const ids = (await heartbleed(w)).map((finding) => finding.id);
  const subject = { kind: 'change' as const, id: 'change_1' };
  await w.platform.act({ kind: 'user', id: 'u', name: 'Olga' }, { type: 'change.plan.made', subject }, (tx) =>
    w.audit.setFindingState(tx, ids, 'planned', { changeId: 'change_1' }),
  );
  assert.deepEqual(
    (await heartbleed(w)).map(({ state, changeId }) => [state, changeId]),
    [
      ['planned', 'change_1'],
      ['planned', 'change_1'],
    ],
  );
  await repair(w, hostId);
  await w.platform.act({ kind: 'user', id: 'u', name: 'Olga' }, { type: 'change.plan.made', subject }, (tx) =>
    w.audit.setFindingState(tx, ids, 'open', { changeId: null }),
  );
  assert.deepEqual(
    (await heartbleed(w)).map(({ state }) => state),
    ['fixed', 'fixed'],
  );
});

test('the database refuses findings, exposures and kits that nobody recorded', async () => {
  const w = await begin();
  await vulnerableShop(w);
  const client = new pg.Client(w.platform.urls.app);
  await client.connect();
  try {
    for (const change of [
      `update audit.finding set state = 'fixed'`,
      'delete from audit.exposure',
      'delete from audit.kit',
    ]) {
      await assert.rejects(client.query(change), /no ledger entry/, change);
    }
  } finally {
    await client.end();
  }
});

test('an old library whose name is gone from its package keeps the finding open until the process is restarted', async () => {
  const w = await begin();
  const hostId = await w.find(A.address, 'SHA256:lib');
  const startedAt = new Date(w.clock.now.getTime() - 3_600_000);
  // Nothing listens: no look from outside could tell.
  const facts = (version: string, pid: number, since: Date) => ({
    ...shop({ version, pid, startedAt: since }, A),
    sockets: [],
  });
  await w.send(hostId, facts('0.10.0-1', 5, startedAt));
  await w.settle();
  assert.equal((await one(w, 'package')).state, 'open');
  w.later();
  const upgraded = facts('0.10.48-1', 5, startedAt);
  const old = { packages: [], replaced: [{ path: '/usr/lib/libnode.so.0.10.0', package: null }] };
  await w.send(hostId, { ...upgraded, processes: [{ ...upgraded.processes![0]!, ...old }] });
  await w.settle();
  w.later();
  await w.send(hostId, { ...upgraded, processes: [{ ...upgraded.processes![0]!, ...old, command: 'another look' }] });
  await w.settle();
  const held = await one(w, 'package');
  assert.equal(held.state, 'open');
  assert.match(held.pending!, /PID 5 \(shop.service\) used nodejs and runs a replaced file that no package knows/);
  w.later();
  await w.send(hostId, facts('0.10.48-1', 6, new Date(w.clock.now)));
  await w.settle();
  assert.equal((await one(w, 'package')).state, 'fixed');
});
