import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { isAppError } from '../../model/errors/index.ts';
import type { Scan } from '../../model/estate.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { type Disposable, listenWith } from '../../scan/probes/testing.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { createScan } from './scans.ts';
import { findScans } from './store-scans.ts';
import { addScope, OPERATOR } from './testing/index.ts';

let platform: TestPlatform;
let discovery: Discovery;
let ahead = 0;
const day = (n: number): void => void (ahead = Date.UTC(2030, 6, n, 3, 5) - Date.now());

before(async () => {
  platform = await testPlatform({ config: { scanPath: 'epoll' }, now: () => new Date(Date.now() + ahead) });
  discovery = createDiscovery(platform, { ageing: { failures: 2, minutes: 60 } });
  platform.handle(discovery.jobs);
});
after(() => platform.close());

async function scheduled(scopeId: string): Promise<Scan> {
  await discovery.jobs['discovery.schedule']!({});
  await platform.drain();
  return (await findScans(platform.db)).find((scan) => scan.scopeId === scopeId)!;
}

async function endpoints(): Promise<Record<string, string>> {
  const { rows } = await sql<{ address: string; state: string; misses: number }>`
    select address, state, misses from discovery.endpoint order by address`.execute(platform.db);
  return Object.fromEntries(rows.map(({ address, state, misses }) => [address, `${state} ${misses}`]));
}

test('1.1: known addresses are looked at each day, empty space once a week; only what was looked at ages', async (t) => {
  const servers = new Map<string, Disposable>();
  const serve = async (address: string, port?: number): Promise<number> => {
    const server = await listenWith((socket) => socket.end('220 here\r\n'), address, port);
    servers.set(address, server);
    return server.port;
  };
  t.after(() => Promise.all([...servers.values()].map((server) => server.close())));
  day(1);
  const port = await serve('127.81.0.1');
  await serve('127.81.0.2', port);
  await serve('127.81.4.1', port);
  const fields = {
    ports: `${port},20001`,
    every: '0 3 * * *',
    createdAt: new Date(Date.UTC(2030, 5, 30)).toISOString(),
  };
  const scope = await addScope(platform, { ...fields, cidrs: ['127.81.0.0/25'], fullEvery: 7 });
  const other = await addScope(platform, { ...fields, cidrs: ['127.81.4.0/30'], every: null });
  const first = await scheduled(scope.id);
  await createScan(platform, OPERATOR, {
    scope: other,
    targets: [],
    ports: undefined,
    rate: undefined,
    confirmWide: false,
  });
  await platform.drain();
  assert.deepEqual([first.kind, first.state, first.counts.targets, first.counts.newHosts], ['full', 'done', 256, 2]);

  // One goes away, one is new, and one of another scope goes away, too.
  await servers.get('127.81.0.2')!.close();
  await servers.get('127.81.4.1')!.close();
  await serve('127.81.0.3', port);
  day(2);
  const second = await scheduled(scope.id);
  assert.deepEqual([second.kind, second.state, second.counts.targets, second.counts.done], ['known', 'done', 4, 4]);
  assert.deepEqual([second.counts.newHosts, second.counts.unchanged, second.counts.offline], [0, 1, 1]);
  assert.deepEqual(await endpoints(), { '127.81.0.1': 'open 0', '127.81.0.2': 'open 1', '127.81.4.1': 'open 0' });
  day(3);
  assert.equal((await scheduled(scope.id)).kind, 'known');
  assert.deepEqual(await endpoints(), { '127.81.0.1': 'open 0', '127.81.0.2': 'gone 2', '127.81.4.1': 'open 0' });
  const [gone, seen] = await Promise.all(['127.81.0.2', '127.81.0.1'].map((a) => discovery.hostByAddress(a)));
  assert.deepEqual([gone!.presence, gone!.lastSeen.slice(0, 10)], ['offline', '2030-07-01']);
  assert.deepEqual([seen!.firstSeen.slice(0, 10), seen!.lastSeen.slice(0, 10)], ['2030-07-01', '2030-07-03']);

  day(8);
  const full = await scheduled(scope.id);
  assert.deepEqual([full.kind, full.counts.targets, full.counts.newHosts], ['full', 256, 1]);
  day(9);
  const after = await scheduled(scope.id);
  assert.deepEqual([after.kind, after.counts.targets], ['known', 6], 'whoever is known by then');
});

test('asked by hand for what is known where nothing is, a scan is refused with what to do', async () => {
  const scope = await addScope(platform, { cidrs: ['127.82.0.0/25'], ports: '20001' });
  const request = { scope, targets: [], ports: undefined, rate: undefined, confirmWide: false, kind: 'known' as const };
  await assert.rejects(createScan(platform, OPERATOR, request), (error) => isAppError(error, 'SCAN_NOTHING_KNOWN'));
});
