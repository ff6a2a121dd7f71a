import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { SourceInput } from '../../model/source.ts';
import { withClient } from '../../platform/db/index.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { scheduleScans } from './jobs.ts';
import { pushSource } from './push-source.ts';
import { runSource } from './run-source.ts';
import { Buckets } from './scopes.ts';
import { addSource, listSources, removeSource } from './sources.ts';
import { readFile } from './sources/read.ts';
import { readApart, READING } from './sources/reader.ts';
import { entriesSince, OPERATOR } from './testing/index.ts';

let platform: TestPlatform;
let discovery: Discovery;
before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform);
  platform.handle(discovery.jobs);
});
after(() => platform.close());

const named = async (name: string) => (await listSources(platform)).find((source) => source.name === name)!;
const add = (name: string, kind: 'flows' | 'dhcp' = 'dhcp', settings = {}) =>
  addSource(platform, OPERATOR, SourceInput.parse({ name, kind, settings }));
const lease = (n: number) => `0 52:54:00:00:${n >> 8}0:${String(n & 99).padStart(2, '0')} 10.60.0.${n} m${n} *\n`;
const kept = async (): Promise<number> =>
  Number(
    (
      await sql<{ n: string }>`select (select count(*) from discovery.source_push)
        + (select count(*) from platform.secret) as n`.execute(platform.db)
    ).rows[0]!.n,
  );

/** Flow records that a busy network would make: mostly of a few of ours, with strangers without number. */
function flowsOf(lines: number): string {
  const rows = Array.from({ length: lines }, (_, n) => `10.61.0.${n % 20},192.0.2.${n & 255},443,TCP,${n}`);
  return ['sa,da,dp,pr,opkt', ...rows].join('\n');
}

test('1.15: a file that is pushed is kept, read afterwards, and gone then; the source says how it went', async () => {
  await add('leases');
  const from = (await entriesSince(platform, 0)).length;
  const taken = await pushSource(platform, OPERATOR, 'leases', lease(1));
  assert.deepEqual([taken.state, taken.counts], ['running', null]);
  assert.equal((await named('leases')).state, 'running', 'it waits');
  assert.equal(await discovery.hostByAddress('10.60.0.1'), null);
  await assert.rejects(pushSource(platform, OPERATOR, 'leases', lease(2)), { code: 'SOURCE_RUNNING' });
  assert.equal(await kept(), 2, 'what is refused is not kept');
  await platform.drain();
  const read = await named('leases');
  assert.deepEqual([read.state, read.counts?.records, read.lastError], ['ok', 1, null]);
  assert.equal((await discovery.hostByAddress('10.60.0.1'))?.name, 'm1');
  assert.equal(await kept(), 0);
  const told = (await entriesSince(platform, 0)).slice(from).filter(({ type }) => type === 'discovery.source.read');
  assert.deepEqual(
    told.map(({ actor }) => actor),
    [OPERATOR],
    'in the name of who handed it over',
  );

  await pushSource(platform, OPERATOR, 'leases', 'hello');
  await platform.drain();
  const bad = await named('leases');
  assert.equal(bad.state, 'failing');
  assert.match(bad.lastError ?? '', /no lease file/);
  assert.equal(bad.lastOkAt, read.lastOkAt);
  assert.equal(await kept(), 0);
});

test('1.15: a file that a dead worker left is read by the next; one of a removed source goes with it', async () => {
  await add('late');
  const { id } = await pushSource(platform, OPERATOR, 'late', lease(3));
  const died = (ago: string) =>
    sql`insert into discovery.source_run (source_id, running_since, last_run_at)
      values (${id}, now() - ${ago}::interval, now()) on conflict (source_id) do update
      set running_since = excluded.running_since`.execute(platform.db);
  await died('1 minute');
  await platform.drain();
  assert.equal((await named('late')).state, 'running', 'somebody seems to be at it');
  await died('1 hour');
  await scheduleScans(platform);
  await platform.drain();
  assert.deepEqual([(await named('late')).state, (await discovery.hostByAddress('10.60.0.3'))?.name], ['ok', 'm3']);
  await pushSource(platform, OPERATOR, 'late', lease(4));
  await removeSource(platform, OPERATOR, 'late');
  assert.equal(await kept(), 0);
  await platform.drain();
  assert.equal(await discovery.hostByAddress('10.60.0.4'), null);
});

test('1.15: a large file is read in a process of its own, with limits; one that takes too much changes nothing', async () => {
  const source = await add('flows', 'flows');
  const text = flowsOf(12_000);
  const asked = { kind: 'flows' as const, settings: { within: '10.0.0.0/8', 'least-flows': '1' }, now: '2026-11-27' };
  const apart = await readApart(asked, Buffer.from(text), new AbortController().signal);
  assert.deepEqual(apart, readFile(asked, text));
  assert.equal(apart.records.length, 20);
  assert.ok(text.length > 256 * 1024 && apart.skipped.size > 0);

  const pushed = async (reading = READING) => {
    await pushSource(platform, OPERATOR, 'flows', text);
    await runSource(platform, new Buckets(), source.id, reading);
    return named('flows');
  };
  const slow = await pushed({ ...READING, timeoutMs: 5 });
  assert.match(slow.lastError ?? '', /reading it takes longer than 0 seconds/);
  const greedy = await pushed({ ...READING, memoryMb: 1 });
  assert.match(greedy.lastError ?? '', /takes more memory than there is for it \(1 MB\)|ended early/);
  assert.equal(await discovery.hostByAddress('10.61.0.7'), null);
  assert.equal(await kept(), 0);
  const ok = await pushed();
  assert.deepEqual([ok.state, ok.counts?.records], ['ok', 20]);
  assert.ok(await discovery.hostByAddress('10.61.0.7'));
});

test('1.15: a file that the database could not take just now is not lost; the next run takes it', async () => {
  const { id } = await add('locked');
  await pushSource(platform, OPERATOR, 'locked', lease(32));
  const run = () => runSource(platform, new Buckets(), id);
  await withClient(platform.urls.owner, async (owner) => {
    await owner.query(`create function discovery.in_the_way() returns trigger language plpgsql as
      $$ begin raise exception 'deadlock detected' using errcode = '40P01'; end $$;
      create trigger in_the_way before insert on discovery.host for each row execute function discovery.in_the_way()`);
    await assert.rejects(run(), { code: '40P01' });
    await owner.query('drop function discovery.in_the_way cascade');
  });
  const waits = await named('locked');
  assert.deepEqual([waits.state, waits.lastError], ['running', null]);
  await run();
  assert.deepEqual([(await named('locked')).state, (await discovery.hostByAddress('10.60.0.32'))?.name], ['ok', 'm32']);
  await platform.drain();
});
