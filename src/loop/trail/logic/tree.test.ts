import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { Accumulator, hashLeaf, verifyConsistency, verifyInclusion } from '../verify/proof.ts';
import {
  append,
  consistencyRanges,
  hashOf,
  inclusionRanges,
  leafHash,
  nodesOf,
  rootRange,
  type NodeReader,
} from './tree.ts';

/** RFC 6962 §2.1 to the letter, over plain arrays: the oracle. */
const sha = (...parts: Buffer[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
const below = (n: number): number => (n <= 2 ? 1 : 2 ** Math.ceil(Math.log2(n) - 1));
function mth(d: Buffer[]): Buffer {
  if (d.length === 0) return sha();
  if (d.length === 1) return sha(Buffer.from([0]), d[0]!);
  const k = below(d.length);
  return sha(Buffer.from([1]), mth(d.slice(0, k)), mth(d.slice(k)));
}
function path(m: number, d: Buffer[]): Buffer[] {
  if (d.length <= 1) return [];
  const k = below(d.length);
  return m < k ? [...path(m, d.slice(0, k)), mth(d.slice(k))] : [...path(m - k, d.slice(k)), mth(d.slice(0, k))];
}
function subproof(m: number, d: Buffer[], whole: boolean): Buffer[] {
  if (m === d.length) return whole ? [] : [mth(d)];
  const k = below(d.length);
  return m <= k
    ? [...subproof(m, d.slice(0, k), whole), mth(d.slice(k))]
    : [...subproof(m - k, d.slice(k), false), mth(d.slice(0, k))];
}

/** Tree of stored nodes, grown in the batches given. */
function grow(data: Buffer[], batches: number[] = data.map(() => 1)): { read: NodeReader; frontier: Buffer[] } {
  const stored = new Map<string, Buffer>();
  let frontier: Buffer[] = [];
  let size = 0;
  for (const batch of batches) {
    const grown = append(size, frontier, data.slice(size, size + batch).map(leafHash));
    for (const node of grown.nodes) {
      const key = `${node.level}/${node.index}`;
      assert.ok(!stored.has(key), `node ${key} is written once`);
      stored.set(key, node.hash);
    }
    ({ size, frontier } = grown);
  }
  const read: NodeReader = ({ level, index }) => {
    const hash = stored.get(`${level}/${index}`);
    assert.ok(hash, `node ${level}/${index} is stored`);
    return hash;
  };
  return { read, frontier };
}

const numbered = (n: number): Buffer[] => Array.from({ length: n }, (_, i) => Buffer.from(`entry ${i}`));

const CT_LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => Buffer.from(hex, 'hex'));
const CT_ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

test('roots and proofs of the Certificate Transparency reference tree', () => {
  const { read } = grow(CT_LEAVES);
  for (const [size, root] of CT_ROOTS.entries()) {
    assert.equal(hashOf(rootRange(size), read).toString('hex'), root);
    const accumulator = new Accumulator();
    for (const leaf of CT_LEAVES.slice(0, size)) accumulator.add(hashLeaf(leaf));
    assert.equal(accumulator.root().toString('hex'), root);
  }
  const hex = (ranges: { begin: number; end: number }[]): string[] =>
    ranges.map((r) => hashOf(r, read).toString('hex'));
  assert.deepEqual(hex(inclusionRanges(0, 8)), [
    '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
    '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
    '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
  ]);
  assert.deepEqual(hex(inclusionRanges(5, 8)), [
    'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  ]);
  assert.deepEqual(hex(consistencyRanges(6, 8)), [
    '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
    'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  ]);
  assert.deepEqual(hex(consistencyRanges(2, 5)), [
    '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
    'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
  ]);
});

test('6.6: every inclusion and consistency proof up to 64 entries is the one RFC 6962 defines, and verifies', () => {
  const data = numbered(64);
  const { read } = grow(data);
  const roots = Array.from({ length: 65 }, (_, n) => mth(data.slice(0, n)));
  for (let size = 1; size <= 64; size++) {
    const d = data.slice(0, size);
    for (let index = 0; index < size; index++) {
      const proof = inclusionRanges(index, size).map((range) => hashOf(range, read));
      assert.deepEqual(proof, path(index, d));
      const claim = { index, size, path: proof };
      assert.ok(verifyInclusion(claim, leafHash(data[index]!), roots[size]!));
      assert.ok(!verifyInclusion(claim, leafHash(Buffer.from('other')), roots[size]!));
      if (size > 1)
        assert.ok(!verifyInclusion({ ...claim, index: (index + 1) % size }, leafHash(data[index]!), roots[size]!));
    }
    for (let from = 0; from <= size; from++) {
      const proof = consistencyRanges(from, size).map((range) => hashOf(range, read));
      if (from > 0) assert.deepEqual(proof, subproof(from, d, true));
      const claim = { from, to: size, path: proof };
      assert.ok(verifyConsistency(claim, roots[from]!, roots[size]!), `${from}..${size}`);
      const forged = sha(Buffer.from('forged'));
      assert.ok(!verifyConsistency(claim, forged, roots[size]!), `old root of ${from}..${size}`);
      if (from > 0) assert.ok(!verifyConsistency(claim, roots[from]!, forged), `new root of ${from}..${size}`);
    }
  }
});

test('whatever the batches, stored nodes, root and frontier are the same', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 12 }), (batches) => {
      const size = batches.reduce((sum, n) => sum + n, 0);
      const data = numbered(size);
      const { read, frontier } = grow(data, batches);
      assert.deepEqual(hashOf(rootRange(size), read), mth(data));
      assert.deepEqual(nodesOf(rootRange(size)).map(read), frontier);
    }),
    { numRuns: 60 },
  );
});

test('a proof with any hash changed, dropped or added does not verify', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 300 }), fc.nat(), fc.nat(), fc.nat({ max: 255 }), (size, a, b, byte) => {
      const data = numbered(size);
      const { read } = grow(data, [size]);
      const root = hashOf(rootRange(size), read);
      const index = a % size;
      const proof = inclusionRanges(index, size).map((range) => hashOf(range, read));
      const leaf = leafHash(data[index]!);
      const verifies = (changed: Buffer[]): boolean => verifyInclusion({ index, size, path: changed }, leaf, root);
      assert.ok(verifies(proof));
      const flipped = proof.map((hash) => Buffer.from(hash));
      flipped[b % proof.length]![byte % 32]! ^= 1;
      assert.ok(!verifies(flipped));
      assert.ok(!verifies(proof.slice(1)));
      assert.ok(!verifies([...proof, leaf]));
    }),
    { numRuns: 60 },
  );
});

test('trees beyond 2^32 leaves keep their shape', () => {
  const size = 2 ** 40 + 5;
  assert.deepEqual(nodesOf(rootRange(size)), [
    { level: 40, index: 0 },
    { level: 2, index: 2 ** 38 },
    { level: 0, index: 2 ** 40 + 4 },
  ]);
  assert.equal(inclusionRanges(2 ** 40 + 1, size).length, 4);
});
