import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { portionOrder } from '../../../scan/logic/portion.ts';
import { parseTargets } from '../../../scan/logic/targets.ts';
import { after, portionsOrder, type Standing } from './portions.ts';
import { placeIn, spaceOf } from './place.ts';

test('the portions of a scan together are every pair, each once', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 16, max: 32 }),
      fc.uniqueArray(fc.integer({ min: 1, max: 65_535 }), { minLength: 1, maxLength: 5 }),
      fc.nat(2 ** 31 - 1),
      fc.integer({ min: 1, max: 100_000 }),
      (prefix, ports, seed, rate) => {
        const bits = Math.max(prefix, 22);
        const { intervals } = parseTargets([`10.0.0.0/${bits}`]);
        const order = portionsOrder(intervals, ports, { seed, rate });
        const seen = new Set<string>();
        let pairs = 0;
        for (let window = 0; window < order.windows; window++) {
          const portion = portionOrder(order.addressesIn(window), ports, seed + window + 1);
          assert.ok(order.addressesIn(window).length <= 1024);
          for (let index = 0; index < portion.pairs; index++, pairs++) {
            const { address, port } = portion.pairAt(index);
            seen.add(`${address} ${port}`);
          }
        }
        assert.equal(pairs, 2 ** (32 - bits) * ports.length);
        assert.equal(seen.size, pairs);
      },
    ),
    { numRuns: 30 },
  );
});

test('what stands after reports is what was found and not read, however it was cut into reports', () => {
  const pair = fc.record({ address: fc.constantFrom('10.0.0.1', '10.0.0.2'), port: fc.integer({ min: 1, max: 4 }) });
  fc.assert(
    fc.property(fc.array(fc.record({ open: fc.array(pair), read: fc.array(pair) })), (reports) => {
      let standing: Standing = { seq: 0, cursor: 0, open: [], told: 0, notLooked: [] };
      const found = new Set<string>();
      for (const { open, read } of reports) {
        const looks = read.map((one) => ({ ...one, result: null, error: null }));
        const body = { open, looks, notLooked: [], cursor: standing.cursor + 1 } as never;
        standing = { seq: standing.seq + 1, ...after(standing, body) };
        for (const { address, port } of open) found.add(`${address} ${port}`);
        for (const { address, port } of read) found.delete(`${address} ${port}`);
      }
      assert.deepEqual(standing.open.map(({ address, port }) => `${address} ${port}`).sort(), [...found].sort());
    }),
  );
});

test('private addresses belong to the site that saw them, all others to everybody', () => {
  for (const address of ['10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1', '127.0.0.1', 'fd00::1', 'fe80::1'])
    assert.equal(placeIn(spaceOf('berlin', address), address), `${address}@berlin`);
  for (const address of ['192.0.2.1', '172.32.0.1', '2001:db8::1']) assert.equal(spaceOf('berlin', address), 'local');
  assert.equal(spaceOf(undefined, '10.0.0.1'), 'local');
});
