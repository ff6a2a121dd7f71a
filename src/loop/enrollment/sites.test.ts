import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { SITE_TIMES as TIMES, startScanner, type Running } from './testing/scanners.ts';
import { operator, serve, type Served } from './testing/served.ts';
import { addScope } from '../discovery/testing/index.ts';
import { createScan } from '../discovery/scans.ts';
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

async function until(what: string, holds: () => Promise<boolean>, ms = 20_000): Promise<void> {
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
    cidrs: ['127.80.0.0/24'],
    ports: `${port},20001-20004`,
    rate: 600,
    site: 'berlin',
  });
  const id = await start(scope);
  await until('it runs', async () => (await stateOf(id)).counts.done > 250);
  await first!.end('SIGKILL');
  const killedAt = (await stateOf(id)).counts.done;
  assert.ok(killedAt < 1280, `killed at ${killedAt}`);
  await served.down();
  await sleep(600);
  await served.up();
  await until('it is done', isDone(id));
  const { counts } = await stateOf(id);
  assert.deepEqual([counts.done, counts.open, counts.newHosts], [1280, 31, 31], second!.log());
  const { rows } = await sql<{ n: string; places: string }>`
    select count(*) as n, count(distinct (address, port)) as places from discovery.endpoint where address like '127.80.%'`.execute(
    served.platform.db,
  );
  assert.deepEqual([Number(rows[0]!.n), Number(rows[0]!.places)], [31, 31]);
  assert.equal(tried.size, 31);
});
