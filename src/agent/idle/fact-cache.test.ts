import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import type { FactCache } from '../../host/facts/look.ts';
import { loadFacts, saveFacts } from './fact-cache.ts';

const dir = mkdtempSync(join(tmpdir(), 'lastember-facts-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const path = join(dir, 'facts.cache');
const cache: FactCache = new Map([['packages', { stamp: 'a', value: [new Map([['x', null]]), { y: 1 }] }]]);

test('what one look leaves is what the next one finds, for the same program only', () => {
  saveFacts(path, null, cache);
  assert.deepEqual(loadFacts(path, null), cache);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(loadFacts(path, 'another').size, 0);
  const { ino } = statSync(path);
  saveFacts(path, null, cache);
  assert.equal(statSync(path).ino, ino, 'the same is not written again');
});

test('what cannot be kept is not, and leaves nothing behind', () => {
  const at = join(dir, 'taken');
  mkdirSync(at);
  saveFacts(at, null, cache);
  saveFacts(join(dir, 'none', 'facts.cache'), null, cache);
  assert.equal(loadFacts(at, null).size, 0);
  const beside = join(dir, 'late');
  symlinkSync(join(dir, 'nothing', 'there'), `${beside}.new`);
  saveFacts(beside, null, cache);
  assert.ok(!existsSync(beside));
});

test('a file that is cut, altered or gone is none', () => {
  saveFacts(path, null, cache);
  const whole = readFileSync(path);
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.boolean(), (at, isCut) => {
      const bytes = Buffer.from(isCut ? whole.subarray(0, at) : whole);
      if (!isCut) bytes[at]! ^= 1;
      writeFileSync(path, bytes);
      assert.equal(loadFacts(path, null).size, 0);
    }),
  );
  assert.equal(loadFacts(join(dir, 'none'), null).size, 0);
});
