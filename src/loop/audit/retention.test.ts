import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { systemActor } from '../../model/actor.ts';
import type { Facts } from '../../model/facts.ts';
import { knownContents, putContents } from './store-facts.ts';
import { lockMatches } from './store-interned.ts';
import { CVE, DEBIAN, debianHost, list, NEW, OLD, OPENSSH, sshd, takeFeed } from './testing/vulnerabilities.ts';
import { certificate, tls, world, type World } from './testing/world.ts';

let w: World;
before(async () => {
  w = await world();
});
after(() => w.close());

const DAY_MINUTES = 24 * 60;
const retain = (): Promise<void> => w.audit.jobs['audit.retention']!({});
async function count(table: string, name: string): Promise<number> {
  const { rows } = await sql<{
    n: string;
  }>`select count(*) as n from ${sql.table(`audit.${table}`)} where name = ${name}`.execute(w.platform.db);
  return Number(rows[0]!.n);
}
const talk = (port: number): Partial<Facts> =>
  ({ neighbours: [{ address: '192.0.2.9', mac: `02:00:00:00:00:${port}`, device: 'eth0' }] }) as Partial<Facts>;
const settings = (n: number): Partial<Facts> => ({ settings: { sshd: { port: `${n}` }, sysctl: {}, users: [] } });

test('earlier facts go after their time, those that change all the time sooner; what a host has now stays', async () => {
  const hostId = await w.find('192.0.2.1', 'SHA256:a');
  for (const n of [10, 11, 12]) {
    await w.send(hostId, { ...talk(n), ...settings(n) });
    w.later(DAY_MINUTES);
  }
  const stored = await count('section_content', 'settings');
  w.later(w.platform.config.liveHistoryDays * DAY_MINUTES);
  await retain();
  assert.deepEqual(
    [await count('section_history', 'neighbours'), await count('section_content', 'neighbours')],
    [1, 1],
  );
  assert.equal(await count('section_content', 'settings'), stored, 'slower facts are kept for longer');
  w.later(w.platform.config.historyDays * DAY_MINUTES);
  await retain();
  assert.ok((await count('section_history', 'settings')) <= 1);
  const { sections } = await w.audit.facts(hostId);
  assert.deepEqual(sections.neighbours?.[0]?.mac, '02:00:00:00:00:12');
  // What has gone is asked for again when a host has it again.
  assert.deepEqual(await w.send(hostId, talk(10)), ['neighbours']);
});

test('3.9: packages that no host has any more go with what was said of them, and are matched anew when one has them again', async () => {
  await takeFeed(w, DEBIAN, OPENSSH);
  const host = (version: string): Promise<string> => debianHost(w, 9, [sshd(version)]);
  await host(OLD);
  w.later();
  await host(NEW);
  await retain();
  assert.equal(await count('package', 'openssh-server'), 2, 'the history still tells of it');
  w.later((w.platform.config.historyDays + 1) * DAY_MINUTES);
  await host(NEW);
  // While an import is matching, packages stay.
  await w.platform.db.transaction().execute(async (tx) => {
    await lockMatches(tx, 'alone');
    await retain();
  });
  assert.equal(await count('package', 'openssh-server'), 2);
  await retain();
  assert.equal(await count('package', 'openssh-server'), 1);
  const { rows } = await sql`select from audit.match where advisory = ${CVE} and until is null`.execute(w.platform.db);
  assert.equal(rows.length, 0);
  w.later();
  await host(OLD);
  await w.audit.jobs['audit.recount']!({});
  assert.deepEqual(
    (await list(w)).items.map((one) => [one.advisory, one.hosts]),
    [[CVE, 1]],
  );
});

test('a finding is not closed by a look that left open what it is about', async () => {
  const hostId = await w.find('192.0.2.2', 'SHA256:b');
  const look = async (more: object, serial: string): Promise<string[]> => {
    w.later();
    await w.look(hostId, '192.0.2.2', 443, { ...tls('safe', certificate('k', serial)), ...more } as never);
    await w.settle();
    const found = await w.audit.findings({ hostId });
    return found.filter((one) => one.check === 'sslv3').map((one) => one.state);
  };
  assert.deepEqual(await look({ versions: ['SSLv3', 'TLSv1.2'] }, '01'), ['open']);
  assert.deepEqual(await look({ versions: ['TLSv1.2'], unknownVersions: ['SSLv3'] }, '01'), ['open']);
  // Another certificate: this look is stored, and still it proves nothing about SSLv3.
  assert.deepEqual(await look({ versions: ['TLSv1.2'], unknownVersions: ['SSLv3'] }, '02'), ['open']);
  assert.deepEqual(await look({ versions: ['TLSv1.2'] }, '02'), ['fixed']);
});

test('two hosts that send the same contents in another order do not wait for each other in a circle', async () => {
  const contents = Array.from({ length: 600 }, (_, n) => ({
    name: 'users' as const,
    hash: n.toString(16).padStart(64, '0'),
    text: JSON.stringify({ users: [], filler: 'x'.repeat(2000) }),
    ecosystems: null,
  }));
  const store = (all: typeof contents): Promise<void> =>
    w.platform.observe(systemActor('test'), (tx) => putContents(tx.db, all, tx.now));
  for (let round = 0; round < 5; round++) await Promise.all([store(contents), store(contents.toReversed())]);
});

test('who sends a content does not wait for somebody who refers to it', async () => {
  const [content] = [{ name: 'users' as const, hash: 'f'.repeat(64), text: '{"users":[]}', ecosystems: null }];
  const store = (): Promise<void> =>
    w.platform.observe(systemActor('test'), (tx) => putContents(tx.db, [content!], tx.now));
  await store();
  await w.platform.observe(systemActor('test'), async (tx) => {
    assert.equal((await knownContents(tx.db, [content!])).size, 1);
    const late = AbortSignal.timeout(3000);
    await Promise.race([store(), once(late, 'abort').then(() => assert.fail('it waits'))]);
  });
});
