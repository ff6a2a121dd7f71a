import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemActor } from '../../model/actor.ts';
import type { ProbeResult } from '../../model/probe.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { matchAgain } from '../../scan/probes/match-again.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { recordLooks } from './looks.ts';
import { rematch } from './rematch.ts';
import { recordSightings } from './sightings.ts';
import { setMatched, unknownAfter, type UnknownRow } from './store-endpoints.ts';
import { lastEntry } from './testing/index.ts';

let platform: TestPlatform;
let discovery: Discovery;
before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform);
});
after(() => platform.close());

const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');
const ADDRESS = '192.0.2.77';

async function seen(probes: Record<number, ProbeResult>): Promise<string> {
  const at = platform.now();
  return platform.observe(systemActor('test'), async (tx) => {
    const sighting = { source: 'scan' as const, address: ADDRESS, at: at.toISOString(), identifiers: [] };
    const [decision] = await recordSightings(platform, tx, [sighting]);
    const looks = Object.entries(probes).map(([port, result]) => ({
      address: ADDRESS,
      port: Number(port),
      at,
      result,
      error: null,
    }));
    await recordLooks(platform, tx, decision!.hostId, looks);
    return decision!.hostId;
  });
}

test('what was kept of unknown services is matched by later probes, once, without a look', async () => {
  const hostId = await seen({
    1: { protocol: 'unknown', banner: hex('HTTP/1.1 400 Bad Request\r\n\r\n') },
    2: {
      protocol: 'unknown',
      banner: hex('x'),
      answers: [
        { to: 'tls', hex: hex('x') },
        { to: 'redis', hex: hex('+PONG\r\n') },
      ],
    },
    3: { protocol: 'unknown', banner: hex('hello, who is there?') },
    4: { protocol: 'unknown', banner: '' },
    // Nothing about TLS can be told from its first bytes.
    5: { protocol: 'unknown', banner: '15030300020228' },
  });
  const before = await discovery.endpoints({ hostId });
  assert.deepEqual(await rematch(platform), { looked: 4, known: 2 });
  const after = await discovery.endpoints({ hostId });
  assert.deepEqual(
    after.map(({ service }) => service),
    ['http', 'redis', 'unknown', 'unknown', 'unknown'],
  );
  const redis = after[1]!;
  assert.ok(
    redis.probe?.protocol === 'redis' && redis.probe.access === 'unknown',
    'nobody knows yet whether it is open',
  );
  assert.deepEqual(
    after.map(({ probedAt }) => probedAt),
    before.map(({ probedAt }) => probedAt),
    'nobody looked',
  );
  const entry = await lastEntry(platform, 'discovery.endpoint.changed', redis.id);
  assert.equal((entry.detail as { after: { protocol: string } }).after.protocol, 'redis');
  assert.equal((await discovery.endpointHistory(redis.id)).length, 2);
  assert.deepEqual(await rematch(platform), { looked: 2, known: 0 });
});

test('a look in the meantime knows better, also one that knows no more: what was read before it is matched no more', async () => {
  const unknown = (banner: string): ProbeResult => ({ protocol: 'unknown', banner: hex(banner) });
  const hostId = await seen({ 6: unknown('HTTP/1.1 400 Bad Request\r\n\r\n') });
  const was = (await unknownAfter(platform.db, '', 500)).find((row) => row.host_id === hostId && row.port === 6)!;
  await seen({ 6: unknown('whoever reads this is late') });
  const match = { service: 'http', probe: matchAgain(was.probe)! };
  const set = (row: UnknownRow): Promise<boolean> =>
    platform.observe(systemActor('test'), (tx) => setMatched(tx.db, row, match));
  assert.equal(await set(was), false);
  const is = (await unknownAfter(platform.db, '', 500)).find(({ id }) => id === was.id)!;
  assert.equal(await set({ ...is, host_id: 'another' }), false, 'it went along with another host');
  assert.equal(await set(is), true);
});
