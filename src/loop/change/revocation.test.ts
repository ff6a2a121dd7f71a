import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import type { Change } from '../../model/change.ts';
import { advance } from './advance.ts';
import { updateCampaign } from './campaigns.ts';
import { runChange } from './control.ts';
import { RevocationLists } from '../../platform/pki/revocation-list.ts';
import { createChange } from './planning.ts';
import { planOf } from './plans.ts';
import { authorityRows, revocations } from './store-authorities.ts';
import { OLGA, pollAll, testEstate, type TestEstate } from './testing/estate.ts';
import type { TestHost } from './testing/host.ts';
import { viewChange } from './view.ts';

let estate: TestEstate;
before(async () => {
  estate = await testEstate(55);
});
after(() => estate.close());

const serialOf = (host: TestHost): string => estate.audit.exposed.find((one) => one.hostId === host.hostId)!.serial;
const stepsOf = async (change: Change): Promise<string[]> =>
  (await planOf(estate.platform.db, change.planDigest!)).waves
    .flatMap((wave) => wave.tasks)
    .flatMap((task) => task.steps.map((step) => step.kind));

/** The same certificate on a second host, which nobody has reached for long. */
async function silentTwin(of: TestHost, name: string, exposed: boolean): Promise<TestHost> {
  const twin = await estate.addHost(name, { managed: false, version: '0.10.48-1' });
  [twin.key, twin.certificate] = [of.key, of.certificate];
  await twin.start();
  await estate.discovery.probeNow(twin.address, twin.port);
  await twin.stop();
  const gone = sql`update discovery.endpoint set state = 'gone' where address = ${twin.address} and port = ${twin.port}`;
  await gone.execute(estate.platform.db);
  const own = estate.audit.exposed.findIndex((one) => one.hostId === twin.hostId);
  const [exposure] = estate.audit.exposed.splice(own, 1);
  const original = estate.audit.exposed.find((one) => one.hostId === of.hostId)!;
  if (exposed) estate.audit.exposed.push({ ...original, id: exposure!.id, ...placeOf(exposure!) });
  return twin;
}
const placeOf = ({ hostId, endpointId, endpoint }: { hostId: string; endpointId: string; endpoint: string }) => ({
  hostId,
  endpointId,
  endpoint,
});

function setAside(hostId: string): Promise<unknown> {
  const entry = { type: 'discovery.host.ignored', subject: { kind: 'host' as const, id: hostId } };
  return estate.platform.act(OLGA, entry, (tx) =>
    sql`update discovery.host set claim = 'ignored' where id = ${hostId}`.execute(tx.db),
  );
}

test('F.3: a listener that is down may come back with the old certificate: the plan leaves it alone and says so', async () => {
  const host = await estate.addHost('planned');
  const twin = await silentTwin(host, 'twin-a', true);
  const asked = { kit: 'heartbleed', title: 'Heartbleed', reason: 'CVE-2014-0160', hosts: [host.hostId] };
  const { change, left } = await createChange(estate.deps, OLGA, asked);
  assert.ok(!(await stepsOf(change)).includes('revoke-certificate'));
  assert.match(
    left.map((one) => one.why).join(),
    new RegExp(`not revoked, because ${twin.address}:${twin.port} serves`),
  );
  // Set aside by a person, silence is an answer.
  const other = await estate.addHost('planned-b');
  const second = await silentTwin(other, 'twin-b', true);
  await setAside(second.hostId);
  const { change: all } = await createChange(estate.deps, OLGA, { ...asked, hosts: [other.hostId] });
  assert.ok((await stepsOf(all)).includes('revoke-certificate'));
});

test('F.3: a listener that fell silent with the certificate after planning: revoking waits, and is given up', async () => {
  const host = await estate.addHost('waits');
  const serial = serialOf(host);
  const certificate = host.certificate;
  const change = await estate.approved([host]);
  assert.ok((await stepsOf(change)).includes('revoke-certificate'));
  // Unknown to the plan: it turned up later, was seen once, and does not answer any more.
  const twin = await silentTwin(Object.assign(Object.create(host) as TestHost, { certificate }), 'twin-c', false);
  await runChange(estate.deps, OLGA, change.id);
  const waits = async (): Promise<string> => {
    const { rows } = await sql<{
      note: string;
    }>`select a.note from change.attempt a join change.task t on t.id = a.task_id
      where t.change_id = ${change.id} and a.note like '%does not answer%'`.execute(estate.platform.db);
    return rows[0]?.note ?? '';
  };
  for (let round = 0; round < 60 && (await waits()) === ''; round++) {
    await advance(estate.deps, change.id);
    await pollAll(estate.deps, estate.audit, [host]);
  }
  assert.match(await waits(), new RegExp(`^${twin.address}:${twin.port} does not answer, and served this certificate`));
  estate.later(601_000);
  await estate.settle(change.id);
  const failed = await viewChange(estate.deps, change.id);
  assert.equal(failed.state, 'failed');
  assert.match(failed.why!, /waits: revoke-certificate: .* does not answer/);
  const known = await revocations(estate.platform.db);
  assert.ok(!known.some((one) => one.serial === serial && one.askedAt !== null), 'nobody asked to revoke it');
});

/** A distribution point that counts who asks, here and at all of them at once. */
let open = 0;
let most = 0;
async function distributionPoint(
  reply: () => Promise<Uint8Array>,
): Promise<{ url: string; asked: () => number; close(): void }> {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    most = Math.max(most, ++open);
    setTimeout(() => {
      open -= 1;
      void reply().then((body) => response.end(body));
    }, 50);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/crl`;
  return { url, asked: () => asked, close: () => void server.close() };
}
const realList = async (): Promise<Uint8Array> =>
  new Uint8Array(await (await fetch(`${estate.authority.url}/1.0/crl`)).arrayBuffer());

test('revocation lists are fetched only where a certificate of a configured authority points', async () => {
  const point = await distributionPoint(realList);
  try {
    const host = await estate.addHost('stranger', { version: '0.10.48-1' });
    const exposure = estate.audit.exposed.find((one) => one.hostId === host.hostId)!;
    // The name of our authority, but no certificate of it that anybody saw; and a name that we do not know.
    const forged = { ...exposure, id: 'e1', serial: '01', fingerprint: '0'.repeat(64), crlUrls: [point.url] };
    estate.audit.exposed.push(forged, { ...forged, id: 'e2', issuer: 'CN=Unknown', serial: '02' });
    await updateCampaign(estate.deps, 'heartbleed');
    assert.equal(point.asked(), 0);
    exposure.crlUrls = [point.url];
    estate.later(60_000);
    await updateCampaign(estate.deps, 'heartbleed');
    assert.equal(point.asked(), 1, 'the one that is ours');
    await updateCampaign(estate.deps, 'heartbleed');
    assert.equal(point.asked(), 1, 'fetched a moment ago');
  } finally {
    point.close();
  }
});

test('F.3: a certificate that the audit heard is revoked counts as seen, whoever revoked it', async () => {
  const host = await estate.addHost('heard', { version: '0.10.48-1' });
  const exposure = estate.audit.exposed.find((one) => one.hostId === host.hostId)!;
  const seen = async () =>
    (await revocations(estate.platform.db)).find((one) => one.serial === exposure.serial)?.seenAt;
  exposure.serial = 'ABCDEF01';
  await updateCampaign(estate.deps, 'heartbleed');
  assert.equal(await seen(), undefined);
  estate.audit.revoked.add(exposure.fingerprint);
  await updateCampaign(estate.deps, 'heartbleed');
  assert.ok(await seen());
});

test('one list for all who ask, several lists side by side but not all at once', async () => {
  const points = await Promise.all(Array.from({ length: 10 }, () => distributionPoint(realList)));
  try {
    const issuers = (await authorityRows(estate.platform.db)).flatMap((row) => row.issuers);
    const lists = new RevocationLists();
    const now = new Date();
    const [point] = points;
    const ask = (since: number) => lists.read(point!.url, issuers, now, new Date(now.getTime() + since));
    const all = await Promise.all(Array.from({ length: 20 }, () => ask(0)));
    assert.ok(all.every((list) => !('why' in list)));
    assert.equal(point!.asked(), 1);
    await ask(1);
    assert.equal(point!.asked(), 2, 'what was fetched before does not tell of what came after');
    most = 0;
    const urls = points.slice(1).map((one) => one.url);
    assert.equal((await lists.readAll(urls, issuers, now, now)).size, 9);
    assert.ok(most > 1 && most <= 4, `${most} at once`);
  } finally {
    for (const point of points) point.close();
  }
});
