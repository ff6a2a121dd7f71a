import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import pg from 'pg';
import { systemActor } from '../../model/actor.ts';
import type { Affected, Exposure, Finding } from '../../model/finding.ts';
import type { LookedAt } from './face.ts';
import { certificate, keyFiles, nodejs, section, shop, tls, type World, world } from './testing/world.ts';

const open: World[] = [];
after(() => Promise.all(open.map((one) => one.close())));
async function begin(): Promise<World> {
  const w = await world();
  open.push(w);
  return w;
}
const A = { address: '10.1.0.10', port: 8443 };
const at = (w: World): Date => new Date(w.clock.now.getTime() - 3_600_000);

async function rows<T extends object>(w: World, sql: string): Promise<T[]> {
  const client = new pg.Client(w.platform.urls.app);
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

test('facts are sent once: hashes first, then what the server lacks, whichever host had it before', async () => {
  const w = await begin();
  const [one, two] = [await w.find('10.1.0.10', 'SHA256:1'), await w.find('10.1.0.11', 'SHA256:2')];
  const packages = [nodejs('0.10.48-1')];
  assert.deepEqual(await w.send(one, { packages, neighbours: [] }), ['neighbours', 'packages']);
  assert.deepEqual(await w.send(one, { packages, neighbours: [] }), []);
  assert.deepEqual(await w.send(two, { packages }), [], 'the content is known from another host');
  assert.deepEqual((await w.audit.facts(two)).sections.packages, packages);
  await w.send(one, { packages: [nodejs('0.10.0-1')] });
  await w.send(one, { packages });
  const history = await rows<{ name: string }>(
    w,
    `select name from audit.section_history where host_id = '${one}' order by id`,
  );
  assert.deepEqual(
    history.map((row) => row.name),
    ['neighbours', 'packages', 'packages', 'packages'],
  );
  const contents = await rows<{ n: string }>(
    w,
    `select count(*) as n from audit.section_content where name = 'packages'`,
  );
  assert.equal(contents[0]!.n, '2');
});

test('a confirmed section is as fresh as its confirmation, and wakes nobody', async () => {
  const w = await begin();
  const hostId = await w.find(A.address, 'SHA256:1');
  await w.send(hostId, { packages: [nodejs('0.10.48-1')] });
  await w.settle();
  w.later(60);
  await w.send(hostId, { packages: [nodejs('0.10.48-1')] });
  assert.equal((await w.audit.facts(hostId)).meta.packages?.receivedAt, w.clock.now.toISOString());
  assert.deepEqual(await w.platform.waiting('audit.host'), []);
});

test('when a host was looked at is told without what was seen, and by facts until when it was judged', async () => {
  const w = await begin();
  const [one, two] = [await w.find('10.1.0.10', 'SHA256:1'), await w.find('10.1.0.11', 'SHA256:2')];
  const looked = async (): Promise<LookedAt[]> => w.audit.lookedAt([one, two], ['packages', 'services']);
  assert.deepEqual(await looked(), []);
  await w.send(one, { packages: [nodejs('0.10.48-1')], neighbours: [] });
  const first = w.clock.now.toISOString();
  const { meta } = await w.audit.facts(one);
  assert.deepEqual(await looked(), [{ hostId: one, meta: { packages: meta.packages }, judgedUntil: null }]);
  await w.settle();
  assert.deepEqual((await looked())[0]?.judgedUntil, first);
  w.later(60);
  await w.send(one, { packages: [nodejs('0.10.48-1')] });
  const [confirmed] = await looked();
  assert.equal(confirmed?.judgedUntil, first, 'nobody judges what is only confirmed');
  assert.equal(confirmed?.meta.packages?.receivedAt, w.clock.now.toISOString());
  await w.audit.auditHost(one);
  assert.equal((await looked())[0]?.judgedUntil, w.clock.now.toISOString());
});

test('who hears of a change: audit of all but talk, impact of talk, discovery of names', async () => {
  const w = await begin();
  const hostId = await w.find(A.address, 'SHA256:1');
  await w.send(hostId, { connections: [], neighbours: [] });
  assert.deepEqual(
    (await w.platform.waiting()).map((job) => job.name),
    ['impact.connections'],
  );
  await w.send(
    hostId,
    shop({ version: '0.10.48-1', pid: 1, startedAt: at(w), machineId: 'm1' }, { ...A, name: 'front' }),
  );
  assert.ok((await w.platform.waiting('audit.host')).length === 1);
  const host = await w.discovery.host(hostId);
  assert.equal(host?.name, 'front');
  assert.ok(host?.identifiers.some(({ kind, value }) => kind === 'machine-id' && value === 'm1'));
});

test('contents that are not what their hash says, or not facts at all, are refused or noted; the known facts stay', async () => {
  const w = await begin();
  const hostId = await w.find(A.address, 'SHA256:1');
  await w.send(hostId, { packages: [nodejs('0.10.48-1')] });
  const forged = { ...section(w, 'packages', [nodejs('9')]), hash: '0'.repeat(64) };
  await assert.rejects(w.post(hostId, [forged]), { code: 'FACTS_HASH', status: 400 });
  const strange = section(w, 'packages', [{ name: 'nodejs', version: 7 }]);
  assert.deepEqual(await w.post(hostId, [strange]), { want: [] });
  const facts = await w.audit.facts(hostId);
  assert.equal(facts.sections.packages?.[0]?.version, '0.10.48-1');
  assert.match(facts.meta.packages!.error!, /not understood at 0\./);
  await assert.rejects(
    w.post(hostId, [{ ...strange, name: 'secrets' as never }]),
    'an unknown section is no facts request',
  );
  await w.send(hostId, { packages: [nodejs('0.10.48-1')] });
  assert.equal((await w.audit.facts(hostId)).meta.packages?.error, null, 'an error ends with the next good look');
});

test('whatever strings a host has in its facts can be stored and read back', async () => {
  const w = await begin();
  const hostId = await w.find(A.address, 'SHA256:1');
  const strings = fc.sample(fc.string({ unit: 'binary', maxLength: 20 }), 20);
  const texts = ['\0', 'a\0b', '\\u0000', '\u{1F525}', '__proto__', ...strings.map((text) => text.toWellFormed())];
  const neighbours = texts.map((mac) => ({ address: '10.1.0.9', mac, device: 'eth0' }));
  await w.send(hostId, { neighbours });
  const back = (await w.audit.facts(hostId)).sections.neighbours?.map((one) => one.mac);
  assert.deepEqual(
    back,
    texts.map((text) => text.replaceAll('\0', '\uFFFD')),
  );
  const packages = texts.map((ecosystem) => ({ ...nodejs('0.10.48-1'), ecosystem }));
  await w.send(hostId, { packages });
  const { sections, meta } = await w.audit.facts(hostId);
  assert.equal(meta.packages?.error, null);
  assert.equal(sections.packages?.[1]?.ecosystem, 'a\uFFFDb');
});

test('a request for facts is taken once and wakes the long poll', async () => {
  const w = await begin();
  const hostId = await w.find(A.address, 'SHA256:1');
  const heard = new Promise<Record<string, string>>((resolve) => {
    w.platform.events.subscribe('tasks', (event) => resolve(event.payload));
  });
  await w.platform.observe({ kind: 'system', id: 's', name: 't' }, (tx) => w.audit.requestFacts(tx, hostId));
  assert.deepEqual(await heard, { hostId });
  assert.deepEqual([await w.audit.takeFactsRequest(hostId), await w.audit.takeFactsRequest(hostId)], [true, false]);
});

async function estate(w: World): Promise<{ shopId: string; blindId: string }> {
  const shopId = await w.find(A.address, 'SHA256:1');
  const blindId = await w.find('10.1.0.20', 'SHA256:9');
  await w.look(shopId, A.address, A.port, tls('vulnerable', certificate('shop', '01')));
  await w.send(shopId, shop({ version: '0.10.0-1', pid: 1, startedAt: at(w) }, A));
  await w.settle();
  return { shopId, blindId };
}

test('which files held a key is remembered when they hold another', async () => {
  const w = await begin();
  const hostId = await w.find(A.address, 'SHA256:1');
  const [old, fresh] = [certificate('shop', '01'), certificate('shop', '02')];
  const files = (leaf: typeof old) => keyFiles(leaf, { privateKey: '/etc/a.key' });
  await w.send(hostId, { certificates: files(old) });
  w.later();
  await w.send(hostId, { certificates: files(fresh) });
  assert.deepEqual(await w.audit.filesThatHeld([hostId], [old.spki]), [{ hostId, path: '/etc/a.key', spki: old.spki }]);
  assert.deepEqual(await w.audit.filesThatHeld(['host_none'], [old.spki]), []);
});

test('why a section could not be collected is noted, whatever it is said in', async () => {
  const w = await begin();
  const hostId = await w.find(A.address, 'SHA256:1');
  const head = section(w, 'os', {});
  const { data: _data, ...failed } = { ...head, error: `broken\0 ${'x'.repeat(1990)}\u{1F525}` };
  await w.post(hostId, [failed]);
  const { error } = (await w.audit.facts(hostId)).meta.os!;
  assert.ok(error!.startsWith('broken\uFFFD') && error!.isWellFormed() && error!.length <= 2001, error!);
});

test('a look over SSH at a host that changed hands meanwhile is not taken; one that was asked for meanwhile follows', async () => {
  const w = await world({
    agentless: {
      agent: async () => null,
      askLooks: async () => new Set(),
      dueForLook: async () => [],
      lookOver: async (_, take) => {
        const facts = shop({ version: '1', pid: 1, startedAt: at(w) }, A);
        await take([section(w, 'packages', facts.packages)], async () => false);
        return true;
      },
    },
  });
  open.push(w);
  const hostId = await w.find(A.address, 'SHA256:1');
  await w.audit.jobs['audit.collect']!({ hostId });
  assert.deepEqual((await w.audit.facts(hostId)).sections, {});
  assert.equal((await w.platform.waiting('audit.collect')).length, 1);
});

test('affected: by advisory, kit and package, from what is stored; who was not looked at is neither', async () => {
  const w = await begin();
  const { shopId, blindId } = await estate(w);
  const ask = (q: string): Promise<Affected> => w.call<Affected>('getAffected', { query: { q } });
  for (const q of ['CVE-2014-0160', 'cve-2014-0160', 'DSA-2896-1', 'heartbleed']) {
    const { hosts, unknown } = await ask(q);
    assert.deepEqual(hosts.map((host) => [host.hostId, host.what, host.state]).sort(), [
      [shopId, '10.1.0.10:8443', 'open'],
      [shopId, 'nodejs', 'open'],
    ]);
    assert.deepEqual(
      unknown.map((host) => host.hostId),
      [blindId],
    );
  }
  const exact = await ask('pkg:deb/debian/nodejs@0.10.0-1');
  assert.deepEqual(
    exact.hosts.map((host) => [host.what, host.state]),
    [['nodejs 0.10.0-1', 'open']],
  );
  assert.deepEqual((await ask('pkg:deb/debian/nodejs@0.10.1-1')).hosts, []);
  assert.deepEqual((await ask('pkg:deb/ubuntu/nodejs')).hosts, []);
  // Nobody was judged by it, so "nobody is affected" would be a guess.
  await assert.rejects(ask('CVE-2099-0001'), { code: 'ADVISORY_UNKNOWN' });
  for (const q of ['what', 'pkg:cargo/x', 'pkg:deb/x', 'pkg:deb/debian/%zz'])
    await assert.rejects(ask(q), { code: 'AFFECTED_QUERY' });
});

test('packages whose versions nobody can order, or that no range is about, are neither affected nor clean', async () => {
  const w = await begin();
  const ids: string[] = [];
  for (const [index, ecosystem] of ['Red Hat', 'Alpine:v3.4', 'Debian:12'].entries()) {
    const hostId = await w.find(`10.1.0.${30 + index}`, `SHA256:k${index}`);
    const facts = shop({ version: '1', pid: 1, startedAt: at(w) }, { address: `10.1.0.${30 + index}`, port: 80 });
    const package_ = { ...facts.packages![0]!, ecosystem, name: 'openssl', source: 'openssl', sourceVersion: '0.9.8' };
    await w.send(hostId, { ...facts, packages: [package_] });
    ids.push(hostId);
  }
  await w.settle();
  for (const q of ['CVE-2014-0160', 'heartbleed']) {
    const { hosts, unknown } = await w.call<Affected>('getAffected', { query: { q } });
    assert.deepEqual(hosts, []);
    assert.deepEqual(unknown.map((host) => host.hostId).sort(), [ids[0], ids[1]].sort());
    assert.match(unknown[0]!.why, /nothing is known about its kind of packages \((Red Hat|Alpine)\)/);
  }
  const blind = await w.find('10.1.0.40', 'SHA256:blind');
  const lost = await w.find('10.1.0.41', 'SHA256:lost');
  const entry = { type: 'discovery.host.claimed', subject: { kind: 'host' as const, id: blind } };
  await w.platform.act(systemActor('test'), entry, async (tx) => {
    for (const id of [...ids, blind]) await w.discovery.setManagement(tx, id, 'managed');
    await w.discovery.setManagement(tx, lost, 'lost');
  });
  // Counted as they are named one by one, of hosts that are managed.
  const named = new Set<string>();
  for (const { kit } of w.audit.kits()) {
    const told = await w.call<Affected>('getAffected', { query: { q: kit.kit } });
    const managed = told.unknown.map(({ hostId }) => hostId).filter((id) => id !== lost);
    for (const id of managed) named.add(id);
    assert.deepEqual(await w.call('countUnjudged', { query: { kit: kit.kit } }), { hosts: managed.length }, kit.kit);
  }
  assert.ok(named.size >= 3, `${named.size} hosts`);
  assert.deepEqual(await w.call('countUnjudged', {}), { hosts: named.size });
  assert.deepEqual(await w.call('countUnjudged', { query: { cve: 'CVE-2014-0160' } }), { hosts: 3 });
  for (const query of [{ kit: 'removed' }, { cve: 'CVE-2099-0001' }])
    assert.deepEqual(await w.call('countUnjudged', { query }), { hosts: 0 });
  // A kit without a word about packages tells as much of them as of others.
  assert.deepEqual((await w.call<Affected>('getAffected', { query: { q: 'tls-hygiene' } })).unknown.length, 2);
});

test('a finding stays open where packages of another kind took the place of those that burnt', async () => {
  const w = await begin();
  const { shopId } = await estate(w);
  w.later();
  const facts = shop({ version: '0.10.48-1', pid: 2, startedAt: at(w) }, A);
  await w.send(shopId, { ...facts, packages: [{ ...facts.packages![0]!, ecosystem: 'Red Hat' }] });
  await w.look(shopId, A.address, A.port, tls('safe', certificate('shop', '02')));
  await w.settle();
  const [finding] = await w.audit.findings({ check: 'heartbleed-package', component: 'nodejs' });
  assert.equal(finding!.state, 'open');
  assert.match(finding!.pending!, /nothing is known about its kind of packages \(Red Hat\)/);
});

test('routes: kits, findings by filter, facts by section, exposures; what is not there is said', async () => {
  const w = await begin();
  const { shopId } = await estate(w);
  const list = async (query: object): Promise<Finding[]> =>
    (await w.call<{ items: Finding[] }>('listFindings', { query })).items;
  assert.equal((await list({ kit: 'heartbleed' })).length, 2);
  assert.equal((await list({ cve: 'CVE-2014-0160', host: shopId, state: 'open' })).length, 2);
  assert.equal((await list({ kit: 'heartbleed', state: ['fixed', 'planned'] })).length, 0);
  assert.equal((await list({ check: 'heartbleed-probe' })).length, 1);
  // Nothing found, for a name that nobody knows, would read like good news.
  await assert.rejects(list({ kit: 'nope' }), { code: 'NOT_FOUND' });
  await assert.rejects(list({ check: 'nope' }), { code: 'NOT_FOUND' });
  await assert.rejects(list({ kit: 'tls-hygiene', check: 'heartbleed-probe' }), { code: 'NOT_FOUND' });
  await assert.rejects(list({ cve: 'cve-2099-1' }), { code: 'ADVISORY_UNKNOWN' });
  await assert.rejects(w.call('listExposures', { query: { kit: 'nope' } }), { code: 'NOT_FOUND' });
  const [finding] = await list({ check: 'heartbleed-probe' });
  assert.deepEqual(await w.call('getFinding', { params: { id: finding!.id } }), finding);
  const { items: kits } = await w.call<{ items: { kit: { kit: string }; digest: string }[] }>('listKits');
  assert.deepEqual(
    kits.map(({ kit }) => kit.kit),
    [
      'cloned-identities',
      'dirty-kernel',
      'end-of-life',
      'heartbleed',
      'kernel',
      'linux-baseline',
      'log4shell',
      'looney-tunables',
      'lynis',
      'open-services',
      'oscap',
      'pwnkit',
      'regresshion',
      'security-updates',
      'shellshock',
      'ssh-hardening',
      'sslv2-3',
      'terrapin',
      'tls-hygiene',
      'unmanaged-packages',
      'xz-backdoor',
    ],
  );
  assert.deepEqual(
    await w.call('getKit', { params: { id: 'heartbleed' } }),
    kits.find(({ kit }) => kit.kit === 'heartbleed'),
  );
  const facts = await w.call<{ sections: object; meta: object }>('getHostFactsSection', {
    params: { id: shopId, section: 'packages' },
  });
  assert.deepEqual([Object.keys(facts.sections), Object.keys(facts.meta)], [['packages'], ['packages']]);
  const { items: exposures } = await w.call<{ items: Exposure[] }>('listExposures', {
    query: { kit: 'heartbleed', host: shopId },
  });
  assert.equal(exposures.length, 1);
  assert.deepEqual(await w.call('startAudit', { body: {} }), { hosts: 2, asked: 0 });
  for (const [id, params] of [
    ['getKit', { id: 'x' }],
    ['getFinding', { id: 'x' }],
    ['getHostFacts', { id: 'x' }],
  ] as const) {
    await assert.rejects(w.call(id, { params }), { code: 'NOT_FOUND' });
  }
  await assert.rejects(w.call('startAudit', { body: { hostIds: ['x'] } }), { code: 'NOT_FOUND' });
  await assert.rejects(w.call('listFindings', { query: { state: 'green' } }));
});

test('each kit is on the trail once, with its digest, however many processes load it', async () => {
  const w = await begin();
  await w.audit.jobs['audit.sweep']!({});
  const { createAudit } = await import('./index.ts');
  await createAudit(w.platform, w.discovery).jobs['audit.sweep']!({});
  const loaded = await w.entries('audit.kit.loaded');
  assert.deepEqual(
    loaded.map((entry) => entry.detail['digest']),
    w.audit.kits().map((kit) => kit.digest),
  );
});

test('the sweep judges what no event announced: hosts never judged, other kits, findings that wait', async () => {
  const w = await begin();
  const { shopId, blindId } = await estate(w);
  await w.audit.jobs['audit.sweep']!({});
  assert.deepEqual(
    (await w.platform.waiting('audit.host')).map((job) => (job.payload as { hostId: string }).hostId),
    [blindId],
  );
  await w.settle();
  await w.audit.jobs['audit.sweep']!({});
  assert.deepEqual(await w.platform.waiting('audit.host'), []);
  w.later(11);
  await w.audit.jobs['audit.sweep']!({});
  assert.deepEqual(
    (await w.platform.waiting('audit.host')).map((job) => (job.payload as { hostId: string }).hostId),
    [shopId],
  );
});
