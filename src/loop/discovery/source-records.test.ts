import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Platform } from '../../platform/context.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { SourceInput } from '../../model/source.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { takeRecords } from './source-records.ts';
import { addSource } from './sources.ts';
import type { SourceRecord } from './sources/contract.ts';
import { sourceRow } from './store-sources.ts';
import { entriesSince, OPERATOR } from './testing/index.ts';

let platform: TestPlatform;
let discovery: Discovery;
before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform);
});
after(() => platform.close());

async function from(
  name: string,
  { of = 'machines', isList = true }: { of?: 'machines' | 'addresses'; isList?: boolean } = {},
) {
  await addSource(platform, OPERATOR, SourceInput.parse({ name, kind: 'dhcp', settings: {} }));
  return { row: (await sourceRow(platform.db, name))!, of, isList, told: new Set<string>() };
}

test('1.15: what a source tells is taken a thousand addresses at a time, whoever they belong to', async () => {
  let transactions = 0;
  const counted: Platform = Object.assign(Object.create(platform) as Platform, {
    observe: (...given: Parameters<Platform['observe']>) => (transactions++, platform.observe(...given)),
  });
  const records = Array.from({ length: 700 }, (_, n): SourceRecord => {
    return { id: `m${n}`, addresses: [`10.65.${n >> 8}.${n & 255}`, `10.66.${n >> 8}.${n & 255}`] };
  });
  const taken = await takeRecords(counted, OPERATOR, await from('many'), records);
  assert.deepEqual(
    taken.map(({ addresses }) => addresses),
    [1000, 400],
  );
  assert.equal(transactions, 2);
  assert.equal(
    taken.reduce((sum, { newHosts }) => sum + newHosts, 0),
    700,
  );
  assert.deepEqual((await discovery.hostByAddress('10.65.1.3'))?.addresses.toSorted(), ['10.65.1.3', '10.66.1.3']);
});

test('two records of one batch about one machine: the first word stays, the second adds to it, and both are on the trail', async () => {
  const address = '10.67.0.1';
  const since = (await entriesSince(platform, 0)).length;
  const [taken] = await takeRecords(platform, OPERATOR, await from('twice', { of: 'addresses' }), [
    { id: 'a', addresses: [address], tags: { env: 'prod' }, owner: 'web' },
    { id: 'b', addresses: [address], tags: { env: 'test', rack: '7' }, owner: 'db' },
    { id: 'c', addresses: [address], tags: { rack: '8' } },
  ]);
  assert.deepEqual([taken?.newHosts, taken?.claimed], [1, 1]);
  const host = (await discovery.hostByAddress(address))!;
  assert.deepEqual([host.tags, host.owner, host.claim], [{ env: 'prod', rack: '7' }, 'web', 'known']);
  const told = (await entriesSince(platform, 0)).slice(since).filter(({ subject }) => subject.id === host.id);
  assert.deepEqual(
    told.map(({ type }) => type),
    ['discovery.host.found', 'discovery.host.claimed', 'discovery.host.tagged'],
  );
});
