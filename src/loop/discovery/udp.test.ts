import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, test, type TestContext } from 'node:test';
import { isAppError } from '../../model/errors/index.ts';
import type { Scan, Scope } from '../../model/estate.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { probeNow } from './probe-now.ts';
import { runScan } from './run-scan.ts';
import { createScan } from './scans.ts';
import { Buckets, checkScope } from './scopes.ts';
import { openOf, saveProgress, scanRow, toScan } from './store-scans.ts';
import { addScope, entriesSince, newSshKey, OPERATOR, sshServer } from './testing/index.ts';

const AGEING = { failures: 2, minutes: 0 };
const FIXTURES = new URL('../../scan/probes/fixtures/', import.meta.url);
const skip = process.getuid?.() === 0 ? false : 'only root may listen where DNS and SNMP live';

let platform: TestPlatform;
let discovery: Discovery;
before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform, { ageing: AGEING });
  platform.handle(discovery.jobs);
});
after(() => platform.close());

interface Served {
  asked: number;
  close(): void;
}

/** Says over UDP what a real server said to the lab. */
async function answers(t: TestContext, captured: string, address: string, port: number): Promise<Served> {
  const { answers: known } = JSON.parse(readFileSync(new URL(`${captured}.json`, FIXTURES), 'utf8')) as {
    answers: { ask: string; answer: string }[];
  };
  const served = { asked: 0, close: () => void (isOpen && (socket.close(), (isOpen = false))) };
  let isOpen = true;
  const socket = createSocket('udp4', (bytes, from) => {
    served.asked++;
    const answer = known.find(({ ask }) => ask === bytes.toString('base64'))?.answer;
    if (answer) socket.send(Buffer.from(answer, 'base64'), from.port, from.address);
  });
  t.after(served.close);
  socket.bind(port, address);
  await once(socket, 'listening');
  return served;
}

async function scan(scope: Scope): Promise<Scan> {
  const made = await createScan(platform, OPERATOR, {
    scope,
    targets: [],
    ports: undefined,
    rate: undefined,
    confirmWide: false,
  });
  await platform.drain();
  return toScan((await scanRow(platform.db, made.id))!);
}

const endpointsAt = async (address: string) => {
  const host = await discovery.hostByAddress(address);
  return host ? discovery.endpoints({ hostId: host.id }) : [];
};

test(
  'an answer over UDP is an endpoint, beside the one over TCP at the same port; silence is none',
  { skip },
  async (t) => {
    await answers(t, 'snmpd-161-udp', '127.77.1.5', 161);
    await answers(t, 'bind-53-udp', '127.77.1.6', 53);
    const out = await answers(t, 'snmpd-161-udp', '127.77.1.2', 161);
    const tcp = await sshServer('127.77.1.6', newSshKey(), 53);
    t.after(() => tcp.close());
    const scope = await addScope(platform, {
      cidrs: ['127.77.1.0/29'],
      exclude: ['127.77.1.2'],
      ports: '53',
      udp: 'default',
    });
    const done = await scan(scope);
    assert.equal(done.state, 'done', done.error ?? '');
    const { targets, done: looked, open, newHosts } = done.counts;
    assert.deepEqual([targets, looked, open, newHosts], [7 * 5, 7 * 5, 3, 2]);
    const [snmp, ...more] = await endpointsAt('127.77.1.5');
    assert.deepEqual([snmp?.port, snmp?.transport, snmp?.service, more.length], [161, 'udp', 'snmp', 0]);
    const names = (await endpointsAt('127.77.1.6')).map((one) => `${one.port}/${one.transport} ${one.service}`);
    assert.deepEqual(names, ['53/tcp ssh', '53/udp dns']);
    assert.equal(await discovery.hostByAddress('127.77.1.3'), null, 'nobody is invented');
    assert.equal(out.asked, 0, 'what is excluded hears nothing');
    const told = (await entriesSince(platform, 0)).filter(({ type }) => type === 'discovery.endpoint.found');
    assert.ok(told.some(({ subject }) => subject.name === '127.77.1.5:161/udp'));
  },
);

test('who answered and falls silent is kept, with what is known, until it is silent for long', { skip }, async (t) => {
  const server = await answers(t, 'snmpd-161-udp', '127.77.2.5', 161);
  const scope = await addScope(platform, { cidrs: ['127.77.2.4/31'], ports: '1', udp: '161' });
  await scan(scope);
  server.close();
  await scan(scope);
  const [silent] = await endpointsAt('127.77.2.5');
  assert.deepEqual([silent?.state, silent?.probe?.protocol], ['open', 'snmp']);
  assert.match(silent?.lastError ?? '', /did not answer/);
  const now = await probeNow(platform, new Buckets(), { ...silent!, judge: false });
  assert.deepEqual([now.id, now.state, now.probe?.protocol], [silent!.id, 'open', 'snmp']);
  await scan(scope);
  assert.equal((await endpointsAt('127.77.2.5'))[0]?.state, 'gone');
  await answers(t, 'snmpd-161-udp', '127.77.2.5', 161);
  const back = await probeNow(platform, new Buckets(), { ...silent!, judge: false });
  assert.deepEqual([back.id, back.state, back.transport, back.lastError], [silent!.id, 'open', 'udp', null]);
});

test('what answers over UDP for every address of a subnet makes no hosts of them', { skip }, async (t) => {
  const all = Array.from({ length: 16 }, (_, last) => `127.77.5.${last}`);
  const intercepts = async (some: string[]) =>
    Promise.all(some.map((address) => answers(t, 'bind-53-udp', address, 53)));
  const [known] = await intercepts(all.slice(0, 1));
  const scope = await addScope(platform, { cidrs: ['127.77.5.0/28'], ports: '1', udp: '53' });
  const one = await scan(scope);
  assert.deepEqual([one.counts.newHosts, one.counts.bogus ?? 0], [1, 0], 'where others are silent it is a host');
  await intercepts(all.slice(1));
  const { counts } = await scan(scope);
  assert.deepEqual([counts.open, counts.newHosts, counts.bogus], [16, 0, 15]);
  assert.equal((await endpointsAt(all[0]!)).length, 1, 'who was known stays');
  assert.ok(known!.asked > 0);
});

test('a scan that was stopped among its UDP ports goes on there', { skip }, async (t) => {
  const early = await answers(t, 'bind-53-udp', '127.77.3.4', 53);
  const late = await answers(t, 'snmpd-161-udp', '127.77.3.4', 161);
  const scope = await addScope(platform, { cidrs: ['127.77.3.4'], ports: '1', udp: '53,161' });
  const { id } = await createScan(platform, OPERATOR, {
    scope,
    targets: [],
    ports: undefined,
    rate: undefined,
    confirmWide: false,
  });
  const row = (await scanRow(platform.db, id))!;
  await platform.observe(OPERATOR, async (tx) => {
    await tx.db
      .withTables<{ 'discovery.scan': { id: string; runner: string } }>()
      .updateTable('discovery.scan')
      .set({ runner: 'before' })
      .where('id', '=', id)
      .execute();
    const pace = { asked: 1, now: 1, why: '', done: null };
    await saveProgress(tx.db, id, 'before', {
      window: 0,
      cursor: 2,
      counts: { ...row.counts, done: 2 },
      pace,
      now: tx.now,
    });
  });
  await runScan(platform, { buckets: new Buckets(), ageing: AGEING }, id);
  assert.deepEqual([early.asked, late.asked > 0], [0, true]);
  const done = toScan((await scanRow(platform.db, id))!);
  assert.deepEqual([done.state, done.counts.done, done.counts.open], ['done', 3, 1]);
  assert.deepEqual(await openOf(platform.db, id), []);
});

test('what cannot be asked over UDP is refused before anything is stored', () => {
  const scope = { cidrs: ['127.77.9.9'], exclude: [], follow: [], ports: '1', every: null, blackouts: [] };
  const wrong = { ...scope, udp: '53,9' } as unknown as Scope;
  assert.throws(
    () => checkScope(wrong, false),
    (error) => isAppError(error, 'UDP_PORTS_INVALID') && /"9"/.test(error.message),
  );
});
