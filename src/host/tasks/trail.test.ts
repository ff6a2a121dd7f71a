import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { isConsistent } from './consistency.ts';
import { readCheckpoint } from './note.ts';
import { consistencyProof, note, treeRoot } from './testing/merkle.ts';
import { rawKey } from './testing/people.ts';

const leaves = (count: number, mark = ''): string[] =>
  Array.from({ length: count }, (_, index) => `entry ${index}${mark}`);
const head = (entries: string[]): { size: number; root: string } => ({
  size: entries.length,
  root: treeRoot(entries).toString('hex'),
});

test('consistency: every pair of sizes up to 40 is proven, and no other root passes', () => {
  for (let to = 0; to <= 40; to += 1) {
    const all = leaves(to);
    for (let from = 0; from <= to; from += 1) {
      const path = consistencyProof(from, all);
      assert.ok(isConsistent({ from: head(all.slice(0, from)), to: head(all), path }), `${from} → ${to}`);
      if (from === 0) continue;
      assert.ok(!isConsistent({ from: head(leaves(from, '!')), to: head(all), path }), `${from} → ${to}, rewritten`);
      assert.ok(!isConsistent({ from: head(all.slice(0, from)), to: head(leaves(to, '!')), path }));
    }
  }
});

test('consistency: shrunk, or with a damaged path, does not pass', () => {
  const all = leaves(13);
  assert.ok(!isConsistent({ from: head(all), to: head(all.slice(0, 9)), path: [] }));
  const path = consistencyProof(6, all);
  const pair = { from: head(all.slice(0, 6)), to: head(all) };
  fc.assert(
    fc.property(fc.nat(path.length - 1), fc.nat(31), fc.integer({ min: 1, max: 255 }), (index, byte, flip) => {
      const damaged = path.map((hash, at) => {
        const bytes = Buffer.from(hash, 'hex');
        if (at === index) bytes[byte] = bytes[byte]! ^ flip;
        return bytes.toString('hex');
      });
      assert.ok(!isConsistent({ ...pair, path: damaged }));
    }),
  );
  assert.ok(!isConsistent({ ...pair, path: path.slice(1) }));
  assert.ok(!isConsistent({ ...pair, path: [...path, path[0]!] }));
  assert.ok(!isConsistent({ ...pair, path: [] }));
});

test('checkpoint: signed by the pinned key or not, and what is no checkpoint', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const other = generateKeyPairSync('ed25519');
  const body = `lastember.test/trail\n5\n${treeRoot(leaves(5)).toString('base64')}\n`;
  const { text, keyLine } = note(body, 'lastember.test', privateKey, rawKey(publicKey));
  assert.deepEqual(readCheckpoint(text, keyLine), { origin: 'lastember.test/trail', ...head(leaves(5)), signed: true });
  const strange = note(body, 'lastember.test', other.privateKey, rawKey(other.publicKey));
  assert.equal(readCheckpoint(strange.text, keyLine)?.signed, false);
  const both = `${strange.text}${text.split('\n').at(-2)}\n`;
  assert.equal(readCheckpoint(both, keyLine)?.signed, true, 'a witness may have signed as well');
  assert.equal(readCheckpoint(text.replace('\n5\n', '\n6\n'), keyLine)?.signed, false);
  assert.equal(readCheckpoint('no checkpoint', keyLine), null);
  assert.equal(readCheckpoint(text.replace('\n5\n', '\n-5\n'), keyLine), null);
  assert.equal(readCheckpoint(text, 'nonsense')?.signed, false);
});
