import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { systemActor } from '../../model/actor.ts';
import type { TlsProbe } from '../../model/probe.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { recordLooks } from './looks.ts';

let platform: TestPlatform;
let discovery: Discovery;
before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform);
});
after(() => platform.close());

const serving = (serial: string): TlsProbe => ({
  protocol: 'tls',
  versions: ['TLSv1.2'],
  chain: [
    {
      fingerprint: 'f'.repeat(64),
      spki: 'e'.repeat(64),
      serial,
      subject: 'CN=x',
      issuer: 'CN=ca',
      names: [],
      notBefore: '2026-01-01T00:00:00Z',
      notAfter: '2027-01-01T00:00:00Z',
      keyType: 'rsa',
      crlUrls: [],
      ocspUrls: [],
      pem: '',
    },
  ],
  heartbleed: { verdict: 'safe', extension: false, leakedBytes: 0, reason: '' },
});

test('who was last seen with a serial number is found by an index, however the number is written', async () => {
  await platform.observe(systemActor('test'), async (tx) => {
    for (const [n, serial] of ['0a:bc', 'ABC', '00abc', 'abcd', '0'].entries()) {
      const address = `10.4.0.${n + 1}`;
      const sighting = { source: 'scan' as const, address, at: tx.now.toISOString(), identifiers: [] };
      const [hostId] = await discovery.recordSightings(tx, [sighting]);
      await recordLooks(platform, tx, hostId!, [
        { address, port: 443, at: tx.now, result: serving(serial), error: null },
      ]);
    }
  });
  const found = async (serial: string): Promise<string[]> =>
    (await discovery.endpoints({ serial })).map((one) => one.address);
  assert.deepEqual(await found('0aBC'), ['10.4.0.1', '10.4.0.2', '10.4.0.3']);
  assert.deepEqual(await found('0:abcd'), ['10.4.0.4']);
  assert.deepEqual(await found('00'), ['10.4.0.5']);
  assert.deepEqual(await found('1'), []);
  const { rows } = await platform.db.transaction().execute(async (tx) => {
    await sql`set local enable_seqscan = off`.execute(tx);
    return sql<{ 'QUERY PLAN': string }>`explain select * from discovery.endpoint
      where upper(ltrim(replace(probe #>> '{chain,0,serial}', ':', ''), '0')) = 'ABC'`.execute(tx);
  });
  assert.match(rows.map((row) => row['QUERY PLAN']).join('\n'), /endpoint_by_serial/);
});
