import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import * as z from 'zod';
import { localHost } from '../../host/local.ts';
import { certificateRequest } from '../../host/pki/request.ts';
import { RenewReply } from '../../model/agent.ts';
import { isAppError } from '../../model/errors/index.ts';
import { LeaseReply } from '../../model/site.ts';
import { clientOf, enroll, openState } from '../../scanner/testing/index.ts';
import { enroll as enrollAgent } from './enroll.ts';
import { createScannerToken, revokeScanner } from './scanners.ts';
import { SITE_TIMES as TIMES, startScanner, type Running } from './testing/scanners.ts';
import { operator, serve, type Served } from './testing/served.ts';
import { addScope } from '../discovery/testing/index.ts';
import { createScan } from '../discovery/scans.ts';
import { updateScope } from '../discovery/store-scans.ts';
import { listenWith } from '../../scan/probes/testing.ts';
import type { Scope } from '../../model/estate.ts';

let served: Served;
before(async () => {
  served = await serve({}, {}, { sites: TIMES });
});
after(() => served.close());

const start = async (scope: Scope): Promise<string> =>
  (
    await createScan(served.platform, operator, {
      scope,
      targets: [],
      ports: undefined,
      rate: undefined,
      confirmWide: false,
    })
  ).id;

async function stateOf(id: string) {
  const { rows } = await sql<{ state: string; counts: { done: number; open: number; newHosts: number } }>`
    select state, counts from discovery.scan where id = ${id}`.execute(served.platform.db);
  return rows[0]!;
}

async function until(what: string, holds: () => Promise<boolean>, ms = 60_000): Promise<void> {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    if (await holds()) return;
    await sleep(50);
  }
  assert.fail(`it did not come to this: ${what}`);
}
const isDone = (id: string) => async (): Promise<boolean> => (await stateOf(id)).state === 'done';

/** The same port at every eighth address of a /24; connections are counted. */
async function listeners(t: TestContext, network: string): Promise<{ port: number; tried: Map<string, number> }> {
  const tried = new Map<string, number>();
  let port = 0;
  for (let last = 8; last < 256; last += 8) {
    const address = `${network}.${last}`;
    const server = await listenWith(
      (socket) => {
        tried.set(address, (tried.get(address) ?? 0) + 1);
        socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
      },
      address,
      port,
    );
    port = server.port;
    t.after(() => server.close());
  }
  return { port, tried };
}

async function scanners(t: TestContext, count: number, site: string): Promise<Running[]> {
  const all = await Promise.all(Array.from({ length: count }, () => startScanner(served, site)));
  t.after(() => Promise.all(all.map((one) => one.child.exitCode ?? one.child.signalCode ?? one.end('SIGKILL'))));
  return all;
}

test('two scanners share a scan; one is killed in the middle, the listener goes away: as one scan that nobody disturbed', async (t) => {
  const { port, tried } = await listeners(t, '127.80.0');
  const [first, second] = await scanners(t, 2, 'berlin');
  const scope = await addScope(served.platform, {
    cidrs: ['127.80.0.0/25'],
    ports: `${port},20001-20003`,
    rate: 300,
    site: 'berlin',
  });
  const id = await start(scope);
  await until('it runs', async () => (await stateOf(id)).counts.done > 100);
  await first!.end('SIGKILL');
  const killedAt = (await stateOf(id)).counts.done;
  assert.ok(killedAt < 512, `killed at ${killedAt}`);
  await served.down();
  await sleep(600);
  await served.up();
  await until('it is done', isDone(id));
  const { counts } = await stateOf(id);
  assert.deepEqual([counts.done, counts.open, counts.newHosts], [512, 15, 15], second!.log());
  const { rows } = await sql<{ n: string; places: string }>`
    select count(*) as n, count(distinct (address, port)) as places from discovery.endpoint where address like '127.80.%'`.execute(
    served.platform.db,
  );
  assert.deepEqual([Number(rows[0]!.n), Number(rows[0]!.places)], [15, 15]);
  assert.equal(tried.size, 15);
});

test('a scanner keeps to its own settings and to what is excluded meanwhile; revoked, it is out at once', async (t) => {
  const { port, tried } = await listeners(t, '127.81.0');
  const site = 'oslo';
  const scope = await addScope(served.platform, {
    cidrs: ['127.81.0.0/24'],
    ports: `${port},20001`,
    rate: 200,
    site,
  });
  const one = await startScanner(served, site, { never: ['127.81.0.0-127.81.0.20'] });
  t.after(() => one.child.exitCode ?? one.child.signalCode ?? one.end('SIGKILL'));
  const id = await start(scope);
  await until('it runs', async () => (await stateOf(id)).counts.done > 50);
  const excluding = { ...scope, exclude: ['127.81.0.128/25'] };
  await served.platform.act(
    operator,
    { type: 'discovery.scope.changed', subject: { kind: 'scope', id: scope.id } },
    (tx) => updateScope(tx.db, excluding),
  );
  // Within a heartbeat it holds.
  await sleep(600);
  const before = new Map(tried);
  await until('it is done', isDone(id));
  const late = [...tried].filter(([address, times]) => times > (before.get(address) ?? 0)).map(([address]) => address);
  assert.deepEqual(
    late.filter((address) => Number(address.split('.')[3]) >= 128),
    [],
  );
  assert.equal(tried.has('127.81.0.8') || tried.has('127.81.0.16'), false);
  assert.ok(tried.has('127.81.0.24') && tried.has('127.81.0.120'));
  const scanner = (await scannersOf()).find((row) => row.site === site)!;
  await revokeScanner(served.platform, served.discovery, operator, { id: scanner.id, reason: 'lost' });
  await until('it ends', async () => one.child.exitCode !== null);
  assert.equal(one.child.exitCode, 4);
  assert.match(one.log(), /was revoked/);
});

async function scannersOf() {
  const { rows } = await sql<{ id: string; site: string }>`select id, site from discovery.scanner`.execute(
    served.platform.db,
  );
  return rows;
}

test('a token enrolls one scanner of its own site, and no agent; a server that cannot prove itself gets none', async (t) => {
  const { platform, address } = served;
  const made = await createScannerToken(platform, operator, { site: 'rome', minutes: 5 });
  const [secret] = made.token.split('.') as [string];
  const state = openState(localHost(), await mkdtemp(join(tmpdir(), 'lastember-scanner-')));
  const asking = { server: `https://${address}`, site: 'rome', token: made.token, name: 'one', version: '1' };
  await assert.rejects(enroll(state, { ...asking, token: 'what' }), (error) => isAppError(error, 'SCANNER_TOKEN_FORM'));
  await assert.rejects(enroll(state, { ...asking, token: `${secret}.${'0'.repeat(64)}` }), (error) =>
    isAppError(error, 'SCANNER_SERVER_UNPROVEN'),
  );
  await assert.rejects(enroll(state, { ...asking, site: 'oslo' }), /is for a scanner of site rome/);
  const agent = { token: secret, csr: 'x', version: '1', platform: 'x', hostname: 'x', machineId: null };
  await assert.rejects(
    enrollAgent(platform, served.discovery, async () => '', { ...agent, addresses: [], sshHostKeys: [] }, '127.0.0.1'),
    /is for a scanner of site rome/,
  );
  const identity = await enroll(state, asking);
  assert.equal((await enroll(state, asking)).scannerId, identity.scannerId, 'an answer that was lost comes again');
  const other = openState(localHost(), await mkdtemp(join(tmpdir(), 'lastember-scanner-')));
  await assert.rejects(enroll(other, asking), /was used already/);
  // It is a scanner, and no agent.
  const client = clientOf(identity, await state.key(), identity);
  t.after(() => client.close());
  await assert.rejects(client.call('POST', '/check-in', z.unknown(), { body: {} }), /revoked|does not know/i);
  await client.call('POST', '/scanner/lease', LeaseReply, { body: { version: '1', path: null } });
  const csr = certificateRequest(await state.key(), 'one');
  const { certificate } = await client.call('POST', '/scanner/renew', RenewReply, { body: { csr } });
  assert.equal(certificate, identity.certificate, 'the same for a day');
});
