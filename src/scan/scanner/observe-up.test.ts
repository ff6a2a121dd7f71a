import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { newBucket } from '../logic/pace.ts';
import { subnetOf } from '../logic/subnets.ts';
import { parseTargets } from '../logic/targets.ts';
import { newNeighbours } from '../logic/up.ts';
import { scanOrder } from '../logic/windows.ts';
import { createGuard } from './guard.ts';
import { whoIsUp } from './observe-up.ts';
import { PING } from './pinger.ts';

/** A network whose addresses answer as told, at once. */
function network(answers: (address: string) => boolean, allows: (address: string) => boolean = () => true) {
  let asked = 0;
  const pinger = {
    why: 'a network of a test',
    [PING]: async (addresses: readonly string[]) => {
      asked += addresses.length;
      return new Map(addresses.filter(answers).map((address) => [address, { ttl: 64 }]));
    },
    close: () => undefined,
  };
  const guard = createGuard({ allows, bucket: newBucket(1e9, performance.now()), pinger });
  return { guard, asked: () => asked };
}

const asking = (known: readonly string[] = []) => ({
  signal: new AbortController().signal,
  neighbours: newNeighbours(),
  known: new Set(known),
  before: new Set<string>(),
});

test('1.11: what answers for a whole large scope invents no host, however few of a subnet are asked at a time', async () => {
  const { intervals } = parseTargets(['10.1.0.0/18'], { confirmWide: true });
  const ports = Array.from({ length: 200 }, (_, port) => port + 1);
  const order = scanOrder(intervals, ports, 5, 10);
  const real = (address: string): boolean => subnetOf(address) === '10.1.7' && Number(address.split('.')[3]) % 3 === 0;
  const { guard } = network((address) => subnetOf(address) !== '10.1.7' || real(address));
  const run = asking();
  const [kept, thrown]: [string[], number[]] = [[], []];
  for (let window = 0; window < order.windows; window++) {
    const { up, bogus } = await whoIsUp(guard, order.addressesIn(window), run);
    kept.push(...up.map(({ address }) => address));
    thrown.push(bogus);
  }
  assert.ok(order.windows > 64 && order.addressesIn(0).length < 100);
  assert.deepEqual(
    kept.filter((address) => !real(address)),
    [],
  );
  assert.equal(kept.length, 86);
  assert.equal(
    thrown.reduce((sum, bogus) => sum + bogus),
    63 * 256,
  );
});

test('known hosts that all answer are known hosts, and nobody else is asked because of them', async () => {
  const known = Array.from({ length: 20 }, (_, at) => `10.1.2.${10 + at * 5}`);
  const { guard, asked } = network(
    () => true,
    (address) => known.includes(address),
  );
  assert.equal((await whoIsUp(guard, known, asking(known))).up.length, 20);
  assert.equal(asked(), 20);
  const fresh = await whoIsUp(guard, known, asking(known.slice(1)));
  assert.equal(fresh.up.length, 19, 'a stranger among them is one of those that all answer');
});

test('a scope of a few addresses that all answer is of a few hosts', async () => {
  const few = Array.from({ length: 15 }, (_, at) => `10.1.2.${at}`);
  const { guard } = network(
    () => true,
    (address) => few.includes(address),
  );
  assert.deepEqual((await whoIsUp(guard, few, asking())).bogus, 0);
});

test('echoes are paid for like knocks: never more at once than the rate lets go, whoever is asked', async () => {
  const sent: { at: number; count: number }[] = [];
  let hearing = 0;
  let most = 0;
  const pinger = {
    why: 'a network of a test',
    [PING]: async (addresses: readonly string[]) => {
      sent.push({ at: performance.now(), count: addresses.length });
      most = Math.max(most, ++hearing);
      await sleep(200);
      hearing--;
      return new Map(addresses.map((address) => [address, { ttl: 64 }]));
    },
    close: () => undefined,
  };
  const began = performance.now();
  const rate = 100;
  const guard = createGuard({ allows: (address) => address !== '10.1.2.9', bucket: newBucket(rate, began), pinger });
  const addresses = Array.from({ length: 60 }, (_, at) => `10.1.2.${at}`);
  const answered = await guard.ping!(addresses, { timeoutMs: 1000 });
  assert.equal(answered.size, 59);
  assert.ok(sent.every(({ count }) => count === 1));
  let gone = 0;
  for (const { at, count } of sent) {
    gone += count;
    // A tenth of a second's worth may go out at once.
    const allowed = rate / 10 + ((at - began) / 1000) * rate + 1;
    assert.ok(gone <= allowed, `${gone} after ${at - began} ms`);
  }
  assert.ok(most > 1, 'nobody waits for the answers of those before');
  const over = new AbortController();
  const stopped = guard.ping!(addresses, { timeoutMs: 1000, signal: over.signal });
  setTimeout(() => over.abort(), 50);
  await assert.rejects(stopped, { name: 'AbortError' });
  assert.equal(hearing, 0, 'nobody is left behind who hears');
});
