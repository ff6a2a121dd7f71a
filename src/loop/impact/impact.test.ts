import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import pg from 'pg';
import type { Actor } from '../../model/actor.ts';
import type { Host } from '../../model/estate.ts';
import type { ConnectionFact, Facts } from '../../model/facts.ts';
import type { Exception, Finding } from '../../model/finding.ts';
import type { Dependency, Impact } from '../../model/impact.ts';
import type { Task } from '../../model/plan.ts';
import { listEntries } from '../../platform/ledger/index.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import type { Audit, FindingFilter } from '../audit/index.ts';
import type { Discovery } from '../discovery/index.ts';
import { createImpact, type ImpactFace } from './index.ts';

const open: TestPlatform[] = [];
after(() => Promise.all(open.map((platform) => platform.close())));
const operator: Actor = { kind: 'user', id: 'user_1', name: 'Olga', role: 'operator' };

/** The two faces to the left, holding what a test says they know; ours is the real one on a real database. */
interface World {
  platform: TestPlatform;
  impact: ImpactFace;
  clock: { now: Date };
  facts: Map<string, Partial<Facts>>;
  findings: Finding[];
  /** handed to discovery to follow */
  strangers: { hostId: string; addresses: string[] }[];
}

async function world(addresses: Record<string, string>): Promise<World> {
  const clock = { now: new Date('2026-11-20T10:00:00Z') };
  const platform = await testPlatform({ now: () => clock.now });
  open.push(platform);
  const facts = new Map<string, Partial<Facts>>();
  const findings: Finding[] = [];
  const strangers: World['strangers'] = [];
  const host = (address: string): Host | null =>
    addresses[address] ? ({ id: `host_${addresses[address]}`, name: addresses[address] } as Host) : null;
  const all = Object.keys(addresses).map((address) => host(address)!);
  const discovery = {
    host: async (id: string) => all.find((one) => one.id === id) ?? null,
    hosts: async (filter?: { ids?: string[] }) => all.filter((one) => filter?.ids?.includes(one.id) ?? true),
    hostByAddress: async (address: string) => host(address),
    followFrom: async (_tx: unknown, hostId: string, given: string[]) =>
      void strangers.push({ hostId, addresses: given }),
  } as unknown as Discovery;
  const audit = {
    facts: async (hostId: string) => ({ hostId, sections: facts.get(hostId) ?? {}, meta: {} }),
    kit: (id: string) => (id === 'heartbleed' ? { kit: {}, digest: '' } : null),
    findings: async (filter: FindingFilter = {}) =>
      findings.filter(
        (f) =>
          (filter.ids?.includes(f.id) ?? true) &&
          (filter.hostId ?? f.hostId) === f.hostId &&
          (filter.kit ?? f.kit) === f.kit &&
          (filter.states?.includes(f.state) ?? true),
      ),
    coveredByExceptions: async () => new Map(),
    setFindingState: async (
      _tx: unknown,
      ids: string[],
      state: Finding['state'],
      link: { exceptionId?: string | null },
    ) => {
      for (const finding of findings.filter((f) => ids.includes(f.id))) {
        finding.state = state;
        if (link.exceptionId !== undefined) finding.exceptionId = link.exceptionId;
      }
    },
  } as unknown as Audit;
  const impact = createImpact(platform, discovery, audit);
  platform.handle({ ...impact.jobs });
  return { platform, impact, clock, facts, findings, strangers };
}

const connection = (more: Partial<ConnectionFact>): ConnectionFact => ({
  direction: 'out',
  localAddress: '127.74.14.11',
  localPort: 40000,
  peerAddress: '127.74.14.10',
  peerPort: 8443,
  count: 1,
  pid: 1,
  process: 'node',
  unit: 'app.service',
  ...more,
});

async function call<T>(
  w: World,
  id: string,
  input: { params?: object; query?: object; body?: object } = {},
): Promise<T> {
  const found = w.impact.routes.find((route) => route.id === id)!;
  const reply = await found.handler({
    params: found.params?.parse(input.params ?? {}),
    query: found.query?.parse(input.query ?? {}),
    body: found.body?.parse(input.body ?? {}),
    actor: operator,
    agent: null,
    ip: '127.0.0.1',
    signal: new AbortController().signal,
  });
  return found.reply!.parse(reply) as T;
}

const restart: Task = {
  id: 'task_1',
  hostId: 'host_shop',
  hostName: 'shop',
  agentId: 'agent_1',
  findings: [],
  relies: [],
  steps: [{ kind: 'service', name: 'shop.service', action: 'restart' }],
  rollback: 'none',
  health: [],
};

test('M.5: held connections are named with client and count, also of a client that nobody knows', async () => {
  const w = await world({ '127.74.14.10': 'shop', '127.74.14.11': 'app', '127.74.14.12': 'portal' });
  w.facts.set('host_app', {
    connections: [
      connection({ count: 3 }),
      connection({ direction: 'in', localPort: 8080, peerAddress: '127.74.14.12', unit: 'app.service' }),
    ],
  });
  w.facts.set('host_shop', {
    connections: [
      connection({
        direction: 'in',
        localAddress: '127.74.14.10',
        localPort: 8443,
        peerAddress: '127.74.14.11',
        count: 3,
        unit: 'shop.service',
      }),
      connection({
        direction: 'in',
        localAddress: '127.74.14.10',
        localPort: 8443,
        peerAddress: '127.74.15.20',
        count: 2,
        unit: 'shop.service',
      }),
    ],
  });
  await w.platform.queue.enqueue('impact.connections', { hostId: 'host_app' });
  await w.platform.drain();
  const impact = await w.impact.predict([restart]);
  assert.deepEqual(
    impact.restarts[0]!.clients.map((c) => [c.hostName, c.unit, c.connections, c.distance]),
    [
      ['app', 'app.service', 3, 1],
      ['127.74.15.20', null, 2, 1],
      ['portal', null, 1, 2],
    ],
  );
  await w.platform.queue.enqueue('impact.connections', { hostId: 'host_shop' });
  await w.platform.drain();
  const { items } = await call<{ items: Dependency[] }>(w, 'listDependencies', { query: { hostId: 'host_shop' } });
  assert.partialDeepStrictEqual(items, [
    { clientName: 'app', clientUnit: 'app.service', serverName: 'shop', serverUnit: 'shop.service', connections: 3 },
  ]);
  const preview = await call<Impact>(w, 'previewImpact', { body: { hostIds: ['host_shop'] } });
  assert.deepEqual(preview.restarts[0]!.service, 'shop.service');
  assert.match(preview.summary, /^Before a plan: 1 service restarts \(shop.service on shop\), used by app/);
  assert.doesNotMatch(preview.summary, /Nothing is installed/);
});

test('a preview and a prediction see the newest connections, and leave everything as it was', async () => {
  const w = await world({ '127.74.14.10': 'shop', '127.74.14.11': 'app' });
  const incoming = { direction: 'in' as const, localAddress: '127.74.14.10', localPort: 8443, unit: 'shop.service' };
  w.facts.set('host_shop', {
    connections: [
      connection({ ...incoming, peerAddress: '127.74.14.11', count: 4 }),
      connection({ ...incoming, peerAddress: '127.74.15.20', count: 2 }),
    ],
  });
  const preview = await call<Impact>(w, 'previewImpact', { body: { hostIds: ['host_shop'] } });
  const predicted = await w.impact.predict([restart]);
  for (const impact of [preview, predicted]) {
    const clients = impact.restarts[0]!.clients.map((client) => [client.hostName, client.connections]);
    assert.deepEqual(clients, [
      ['app', 4],
      ['127.74.15.20', 2],
    ]);
  }
  assert.deepEqual(w.strangers, [], 'nobody is followed because somebody looked');
  const { items } = await call<{ items: Dependency[] }>(w, 'listDependencies');
  assert.deepEqual(items, [], 'nothing was learned');
});

test('connections that several hosts of a plan have just reported stand beside each other', async () => {
  const w = await world({
    '127.74.14.10': 'shop',
    '127.74.14.11': 'app',
    '127.74.14.12': 'portal',
    '127.74.14.13': 'web',
  });
  const into = (localAddress: string, peerAddress: string, unit: string) => ({
    connections: [connection({ direction: 'in', localAddress, localPort: 8443, peerAddress, unit })],
  });
  w.facts.set('host_shop', into('127.74.14.10', '127.74.14.11', 'shop.service'));
  w.facts.set('host_portal', into('127.74.14.12', '127.74.14.13', 'portal.service'));
  w.facts.set('host_app', { connections: [connection({})] });
  const task = (name: string): Task => ({
    ...restart,
    id: `task_${name}`,
    hostId: `host_${name}`,
    hostName: name,
    steps: [{ kind: 'service', name: `${name}.service`, action: 'restart' }],
  });
  const { restarts } = await w.impact.predict(['shop', 'portal', 'app'].map(task));
  const clients = (name: string) =>
    restarts.find((one) => one.hostName === name)!.clients.map((one) => [one.hostName, one.unit]);
  assert.deepEqual(clients('shop'), [['app', 'app.service']]);
  assert.deepEqual(clients('portal'), [['web', null]]);
});

test('a plan of thousands of hosts on a large estate is predicted in seconds', async () => {
  const names = Array.from({ length: 3000 }, (_, n) => `h${n}`);
  const addressOf = (n: number): string => `10.9.${Math.floor(n / 250)}.${(n % 250) + 1}`;
  const w = await world(Object.fromEntries(names.map((name, n) => [addressOf(n), name])));
  for (const [n, name] of names.entries()) {
    const peers = Array.from({ length: 10 }, (_, i) => addressOf((n + i * 7 + 1) % names.length));
    w.facts.set(`host_${name}`, {
      connections: peers.map((peerAddress) => connection({ peerAddress, localAddress: addressOf(n) })),
    });
  }
  const tasks = names.map((name): Task => ({
    ...restart,
    id: name,
    hostId: `host_${name}`,
    hostName: name,
    steps: [],
  }));
  const began = performance.now();
  const { hosts } = await w.impact.predict(tasks);
  assert.equal(hosts.length, names.length);
  assert.ok(performance.now() - began < 10_000, `${Math.round(performance.now() - began)} ms`);
});

test('peers and neighbours that are no host are handed to discovery to follow', async () => {
  const w = await world({ '127.74.14.11': 'app' });
  w.facts.set('host_app', {
    connections: [connection({ peerAddress: '127.74.15.20' }), connection({ peerAddress: '127.0.0.1' })],
    neighbours: [
      { address: '127.74.15.21', mac: 'aa', device: 'eth0' },
      { address: '127.74.14.11', mac: 'bb', device: 'eth0' },
    ],
  });
  await w.platform.queue.enqueue('impact.connections', { hostId: 'host_app' });
  await w.platform.drain();
  assert.deepEqual(w.strangers, [{ hostId: 'host_app', addresses: ['127.74.15.20', '127.74.15.21'] }]);
});

test('a connection that ended stays known with none open', async () => {
  const w = await world({ '127.74.14.10': 'shop', '127.74.14.11': 'app' });
  const learn = async (connections: ConnectionFact[]): Promise<Dependency[]> => {
    w.facts.set('host_app', { connections });
    await w.impact.jobs['impact.connections']!({ hostId: 'host_app' });
    w.clock.now = new Date(w.clock.now.getTime() + 60_000);
    return w.impact.dependencies();
  };
  const [before] = await learn([connection({ count: 2 })]);
  const [ended] = await learn([]);
  assert.deepEqual([before!.connections, ended!.connections], [2, 0]);
  const [again] = await learn([connection({ count: 5 })]);
  assert.deepEqual([again!.id, again!.connections, again!.firstSeen], [before!.id, 5, before!.firstSeen]);
  assert.ok(again!.lastSeen > before!.lastSeen);
});

const finding = (id: string, more: Partial<Finding> = {}): Finding =>
  ({
    id,
    hostId: 'host_shop',
    hostName: 'shop',
    kit: 'heartbleed',
    check: 'probe',
    component: 'nodejs',
    state: 'open',
    title: 'Heartbleed',
    endpoint: '127.74.14.10:8443',
    exceptionId: null,
    ...more,
  }) as Finding;
const HOUR = 3_600_000;

test('4.6, 3.13: an exception covers its findings until it expires; then they burn again, all on the trail', async () => {
  const w = await world({ '127.74.14.10': 'shop' });
  w.findings.push(
    finding('finding_1'),
    finding('finding_2', { kit: 'baseline' }),
    finding('finding_3', { state: 'planned' }),
  );
  const exception = await call<Exception>(w, 'createException', {
    body: {
      match: { hostId: 'host_shop', kit: 'heartbleed' },
      reason: 'replaced next week',
      owner: 'web team',
      expiresAt: new Date(w.clock.now.getTime() + HOUR).toISOString(),
    },
  });
  const states = (): string[] => w.findings.map((f) => f.state);
  assert.deepEqual(states(), ['excepted', 'open', 'planned']);
  w.findings.push(finding('finding_4', { state: 'rekindled' }));
  await w.impact.jobs['impact.expire']!({});
  assert.deepEqual(
    states(),
    ['excepted', 'open', 'planned', 'excepted'],
    'later findings are covered too, nothing expired',
  );
  w.clock.now = new Date(w.clock.now.getTime() + HOUR);
  await w.platform.drain({ ahead: true });
  assert.deepEqual(states(), ['open', 'open', 'planned', 'open']);
  await w.impact.jobs['impact.expire']!({});
  const entries = await listEntries(w.platform.db, { about: { kind: 'host', id: 'host_shop' } });
  assert.deepEqual(
    entries.map((e) => e.entry.type),
    ['impact.exception.added', 'impact.exception.applied', 'impact.exception.expired'],
  );
  assert.partialDeepStrictEqual(entries[2]!.entry.detail, { findings: ['finding_1', 'finding_4'], owner: 'web team' });
  const { items } = await call<{ items: Exception[] }>(w, 'listExceptions', { query: { active: 'true' } });
  assert.deepEqual(items, []);
  await assert.rejects(call(w, 'endException', { params: { id: exception.id } }), { code: 'EXCEPTION_ENDED' });
});

test('an exception is ended early once, by somebody, with a reason', async () => {
  const w = await world({ '127.74.14.10': 'shop' });
  w.findings.push(finding('finding_1'));
  const body = { match: { check: 'probe' }, reason: 'accepted', owner: 'ops', expiresAt: '2026-12-01T00:00:00.000Z' };
  const { id } = await call<Exception>(w, 'createException', { body });
  const ends = await Promise.allSettled(
    [1, 2].map(() => call<Exception>(w, 'endException', { params: { id }, body: { reason: 'fixed now' } })),
  );
  assert.deepEqual(ends.map((end) => end.status).toSorted(), ['fulfilled', 'rejected']);
  assert.equal(w.findings[0]!.state, 'open');
  const { items } = await call<{ items: Exception[] }>(w, 'listExceptions');
  assert.partialDeepStrictEqual(items, [{ id, endReason: 'fixed now' }]);
});

test('exceptions without bounds, without an end, or for things that are not there are refused', async () => {
  const w = await world({ '127.74.14.10': 'shop' });
  const body = { match: { kit: 'heartbleed' }, reason: 'because', owner: 'ops', expiresAt: '2026-12-01T00:00:00.000Z' };
  const refused = async (change: object, code: string): Promise<void> => {
    await assert.rejects(call(w, 'createException', { body: { ...body, ...change } }), { code });
  };
  await refused({ match: {} }, 'EXCEPTION_BOUNDLESS');
  await refused({ expiresAt: '2026-11-20T10:00:00.000Z' }, 'EXCEPTION_EXPIRY');
  await refused({ expiresAt: '2027-12-01T00:00:00.000Z' }, 'EXCEPTION_EXPIRY');
  await refused({ match: { kit: 'nosuchkit' } }, 'NOT_FOUND');
  await refused({ match: { hostId: 'host_x' } }, 'NOT_FOUND');
  await assert.rejects(call(w, 'createException', { body: { ...body, expiresAt: 'soon' } }));
  await assert.rejects(call(w, 'previewImpact', { body: { findings: ['finding_x'] } }), { code: 'NOT_FOUND' });
});

test('the database refuses an exception that nobody recorded', async () => {
  const w = await world({});
  const client = new pg.Client(w.platform.urls.app);
  await client.connect();
  try {
    const insert = `insert into impact.exception values ('e', '{}', 'r', 'o', null, now(), now(), 'me', null, null)`;
    await assert.rejects(client.query(insert), /no ledger entry/);
  } finally {
    await client.end();
  }
});
