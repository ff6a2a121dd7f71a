import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Client } from '../agent/client.ts';
import type { Portion, PortionReport, Terms } from '../model/site.ts';
import { Leash } from './leash.ts';
import { limitsOf } from './limits.ts';
import { Outbox } from './outbox.ts';

const TERMS: Terms = {
  allowed: ['10.0.0.0-10.0.0.7'],
  excluded: ['10.0.0.2-10.0.0.2'],
  rate: 100,
  subnetRate: 50,
  leaseSeconds: 10,
  beatSeconds: 1,
  darkMs: null,
};
const PORTION: Portion = {
  scanId: 'scan_1',
  window: 0,
  lease: 'lease',
  addresses: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.9'],
  ports: [22],
  seed: 1,
  cursor: 0,
  open: [],
  known: [],
  terms: TERMS,
};
const anything = limitsOf({ only: [], never: [] });

test('only what is in the portion, in the scope, not excluded and allowed by this machine is touched', () => {
  const leash = new Leash(PORTION, limitsOf({ only: ['10.0.0.0/24'], never: ['10.0.0.3'] }), 0);
  const asked = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.9', '192.0.2.1'];
  assert.deepEqual(
    asked.filter((address) => leash.allows(address)),
    ['10.0.0.1', '10.0.0.4'],
  );
  leash.heed({ terms: { ...TERMS, excluded: ['10.0.0.0-10.0.0.255'] }, why: null }, 0);
  assert.equal(leash.allows('10.0.0.1'), false);
  assert.ok(leash.refused.has('10.0.0.1'));
});

test('it ends before the lease does, before a blackout begins, and when the server says so', () => {
  const leash = new Leash(PORTION, anything, 1000);
  assert.equal(leash.isOver(9000), false);
  assert.equal(leash.isOver(9001), true);
  // Whatever the clock on the wall says here.
  leash.heed({ terms: { ...TERMS, darkMs: 5000 }, why: null }, 9000);
  assert.equal(leash.isOver(9001), false);
  assert.equal(leash.isOver(12_999), false);
  assert.equal(leash.isOver(13_000), true);
  leash.heed({ terms: null, why: 'the scan is paused' }, 9002);
  assert.equal(leash.isOver(9002), true);
  assert.equal(leash.stopped, 'the scan is paused');
});

test('whatever requests and answers are lost, the server has each thing once and never more than was found', async () => {
  const loss = fc.constantFrom('none', 'request', 'answer');
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(3), loss), { maxLength: 30 }), async (steps) => {
      const taken: PortionReport[] = [];
      const ways: string[] = [];
      const client = {
        call: async (_method: string, _path: string, _reply: unknown, { body }: { body: PortionReport }) => {
          const way = ways.shift() ?? 'none';
          if (way === 'request') throw new Error('lost');
          // As the server: a number that was taken is not taken again.
          if (body.seq === taken.length + 1) taken.push(body);
          else assert.ok(body.seq === null || body.seq === taken.length, 'no number is left out');
          if (way === 'answer') throw new Error('lost');
          return { terms: TERMS, why: null };
        },
      } as unknown as Client;
      const outbox = new Outbox(client, new Leash(PORTION, anything, 0), PORTION);
      const found: string[] = [];
      let cursor = 0;
      for (const [more, way] of steps) {
        const open = Array.from({ length: more }, () => ({ address: '10.0.0.1', port: found.length + 1 + cursor++ }));
        for (const { port } of open) found.push(String(port));
        outbox.found(cursor, open);
        ways.push(way);
        await outbox.deliver();
      }
      outbox.end('done');
      ways.length = 0;
      assert.equal(await outbox.deliver(), true);
      assert.deepEqual(
        taken.flatMap(({ open }) => open.map(({ port }) => String(port))),
        found,
      );
      assert.deepEqual([taken.at(-1)!.ended, taken.at(-1)!.cursor], ['done', cursor]);
      assert.equal(taken.filter(({ ended }) => ended === 'done').length, 1);
    }),
    { numRuns: 60 },
  );
});

test('what may not be touched is told with every place, each address once; looks tell how old they are', async () => {
  const taken: PortionReport[] = [];
  const client = {
    call: async (_method: string, _path: string, _reply: unknown, { body }: { body: PortionReport }) => {
      taken.push(body);
      return { terms: TERMS, why: null };
    },
  } as unknown as Client;
  const leash = new Leash(PORTION, limitsOf({ only: [], never: ['10.0.0.3'] }), 0);
  const outbox = new Outbox(client, leash, PORTION);
  leash.allows('10.0.0.3');
  outbox.found(3, [{ address: '10.0.0.1', port: 22 }]);
  await outbox.deliver();
  leash.allows('10.0.0.2');
  outbox.read([{ address: '10.0.0.1', port: 22, result: null, error: 'x' }], performance.now() - 60_000);
  outbox.end('left');
  await outbox.deliver();
  assert.deepEqual(
    taken.map(({ notLooked }) => notLooked),
    [['10.0.0.3'], ['10.0.0.2']],
  );
  const { ageMs } = taken[1]!.looks[0]!;
  assert.ok(ageMs >= 60_000 && ageMs < 70_000, `${ageMs} ms`);
});
