import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { againAtOnce, type Looked, portionsOf, worthAgain } from './again.ts';

const silent = (address: string): Looked => ({ address, result: { protocol: 'unknown', banner: '' } });

test('a few silent ports are asked once more, a firewall that accepts everything is not', () => {
  const few = Array.from({ length: 5 }, () => silent('10.0.0.1'));
  const trap = Array.from({ length: 48 }, () => silent('10.0.0.2'));
  assert.deepEqual(worthAgain([...trap, ...few]), [48, 49, 50, 51, 52]);
  // What is read among them, and what failed, is judged by itself.
  const spoke: Looked = { ...silent('10.0.0.2'), result: { protocol: 'unknown', banner: '00' } };
  const failed: Looked = { ...silent('10.0.0.2'), result: null };
  assert.deepEqual(worthAgain([...trap, spoke, failed]), [49]);
});

test('few second looks are taken calmly, many are not left to a handful', () => {
  assert.deepEqual([1, 48, 49, 5000].map(againAtOnce), [4, 4, 24, 24]);
});

test('portions hold everything in its order, and no address is in two of them', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 })), fc.integer({ min: 1, max: 12 }), (ports, size) => {
      const all = ports.flatMap((count, a) => Array.from({ length: count }, (_, port) => ({ address: `${a}`, port })));
      const portions = portionsOf(all, size);
      assert.deepEqual(portions.flat(), all);
      const of = portions.map((portion) => new Set(portion.map(({ address }) => address)));
      assert.equal(
        of.reduce((sum, { size: n }) => sum + n, 0),
        ports.length,
      );
      for (const portion of portions.slice(0, -1)) assert.ok(portion.length >= size);
      for (const portion of portions) assert.ok(portion.length < size + 9);
    }),
  );
});
