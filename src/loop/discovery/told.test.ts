import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import type { Sighting } from '../../model/estate.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { recordSightings } from './sightings.ts';
import { seenAtSite } from './sites/store.ts';
import { seenSince } from './store-patrols.ts';
import { lastSeenAt, lastShownAt, seenBetween } from './store-scan-file.ts';
import { fillUntil } from './store-told.ts';
import { OPERATOR } from './testing/index.ts';

let platform: TestPlatform;
before(async () => {
  platform = await testPlatform();
});
after(() => platform.close());

/** Minutes from a moment of our own. */
const at = (minutes: number): Date => new Date(Date.parse('2030-01-01T00:00:00Z') + minutes * 60_000);
const says = (address: string, minutes: number, more: Partial<Sighting> = {}): Sighting => ({
  source: 'scan',
  address,
  at: at(minutes).toISOString(),
  identifiers: [],
  ...more,
});
const shows = (value: string): Pick<Sighting, 'identifiers'> => ({ identifiers: [{ kind: 'ssh-host-key', value }] });
const record = (...all: Sighting[]) => platform.observe(OPERATOR, (tx) => recordSightings(platform, tx, all));
/** What is written of an address: word, from and until, in minutes. */
async function rows(address: string): Promise<[string | null, number, number | null][]> {
  const all = await sql<{ hostname: string | null; at: Date; until: Date | null }>`
    select hostname, at, until from discovery.sighting where address = ${address} order by at, hostname, id`.execute(
    platform.db,
  );
  const minutes = (date: Date): number => (date.getTime() - at(0).getTime()) / 60_000;
  return all.rows.map((row) => [row.hostname, minutes(row.at), row.until && minutes(row.until)]);
}

test('several words of one batch stand side by side, once each, until a batch does not repeat them', async () => {
  const named = (hostname: string, minutes: number) => says('10.67.0.1', minutes, { source: 'dns', hostname });
  await record(named('a', 0), named('b', 0), named('b', 1));
  await record(named('b', 5), named('a', 5));
  assert.deepEqual(await rows('10.67.0.1'), [
    ['a', 0, null],
    ['b', 0, null],
  ]);
  await record(named('a', 10));
  await record(named('a', 20));
  assert.deepEqual(await rows('10.67.0.1'), [
    ['a', 0, null],
    ['b', 0, 10],
  ]);
  await record(named('a', 30), named('c', 30));
  assert.deepEqual(
    (await rows('10.67.0.1')).map(([word, , until]) => [word, until]),
    [
      ['a', null],
      ['b', 10],
      ['c', null],
    ],
  );
});

test('a word that comes late ends nothing, and does not stand', async () => {
  const named = (hostname: string, minutes: number) => says('10.67.0.2', minutes, { source: 'dns', hostname });
  await record(named('new', 0));
  await record(named('old', -600));
  assert.deepEqual(await rows('10.67.0.2'), [
    ['old', -600, 0],
    ['new', 0, null],
  ]);
});

test('what is seen again unchanged was seen since: at a site, by a patrol and in the file of the scan', async () => {
  const bySite = (minutes: number, scanner: string, key: string) =>
    says('10.67.1.1', minutes, { site: 'berlin', evidence: { site: 'berlin', scanner }, ...shows(key) });
  const keys = async (since: number) =>
    (await seenAtSite(platform.db, 'berlin', { addresses: ['10.67.1.1'], since: at(since) })).flatMap(
      ({ identifiers }) => identifiers.map(({ value }) => value),
    );
  await record(bySite(0, 'one', 'K'));
  assert.deepEqual(await keys(5), []);
  await record(bySite(10, 'two', 'K'));
  assert.deepEqual(await rows('10.67.1.1'), [[null, 0, null]], 'another scanner tells nothing new');
  assert.deepEqual(await keys(5), ['K']);
  await record(bySite(20, 'two', 'L'));
  assert.deepEqual(await keys(15), ['L'], 'whose place another took is not there');

  const byPatrol = (minutes: number) => says('10.67.1.2', minutes, { source: 'agent-scan', ...shows('P') });
  await record(byPatrol(0));
  await record(byPatrol(10));
  assert.equal((await seenSince(platform.db, ['10.67.1.2'], at(5))).length, 1);
  assert.equal((await seenSince(platform.db, ['10.67.1.2'], at(15))).length, 0);

  await record(says('10.67.1.3', 100));
  await record(says('10.67.1.3', 110));
  const lines = await seenBetween(platform.db, at(105), at(115), 10);
  assert.deepEqual(
    lines.map(({ address, at: when }) => [address, when]),
    [['10.67.1.3', at(110).toISOString()]],
  );
  assert.equal((await seenBetween(platform.db, at(111), at(120), 10)).length, 0);
});

test('an older scan file takes nothing back from what was seen again within a week', async () => {
  const DAY = 1440;
  await record(says('10.67.2.1', 0, shows('W')));
  await record(says('10.67.2.1', 6 * DAY, shows('W')));
  const older = at(3 * DAY);
  assert.ok((await lastSeenAt(platform.db, ['10.67.2.1'])).get('10.67.2.1')! > older);
  assert.ok((await lastShownAt(platform.db, ['ssh-host-key W'])).get('ssh-host-key W')! > older);
});

test('sightings of an earlier version get the moment of their end, in order of time too', async () => {
  const [one] = await record(says('10.67.3.1', 0));
  const add = (address: string, minutes: number) =>
    sql`
    insert into discovery.sighting (host_id, source, address, at, identifiers, until)
    values (${one!.hostId}, 'dns', ${address}, ${at(minutes)}, '[]', '-infinity')`.execute(platform.db);
  for (const [address, minutes] of [
    ['10.67.3.8', 0],
    ['10.67.3.9', 5],
    ['10.67.3.8', 10],
    ['10.67.3.8', 4],
  ] as const)
    await add(address, minutes);
  assert.equal(await fillUntil(platform.db), 4);
  assert.deepEqual(await rows('10.67.3.8'), [
    [null, 0, 10],
    [null, 4, null],
    [null, 10, 10],
  ]);
  assert.deepEqual(await rows('10.67.3.9'), [[null, 5, null]]);
  assert.equal(await fillUntil(platform.db), 0);
});

test('machines with one key at one private address of two sites stay two; one that claims its address stays one', async () => {
  const scan = (site: string, minutes: number) =>
    says('192.168.1.1', minutes, { site, evidence: { site }, ...shows('F') });
  for (const minutes of [0, 10]) await record(scan('local', minutes)).then(() => record(scan('berlin', minutes + 1)));
  const places = async (address: string): Promise<string[]> => {
    const { rows: all } = await sql<{ site: string; how: string }>`
      select site, how from discovery.address where address = ${address} and current order by site`.execute(
      platform.db,
    );
    return all.map(({ site, how }) => `${how} ${site}`);
  };
  assert.deepEqual(await places('192.168.1.1'), ['measured berlin', 'measured local']);

  const agent = (minutes: number) =>
    says('10.67.4.3', minutes, { source: 'agent', identifiers: [{ kind: 'agent-key', value: 'A' }] });
  for (const minutes of [0, 10]) {
    await record(agent(minutes));
    await record(says('10.67.4.3', minutes + 1, { site: 'berlin', evidence: { site: 'berlin' } }));
    assert.deepEqual(await places('10.67.4.3'), ['measured berlin']);
  }
});
