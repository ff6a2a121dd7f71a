import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { violations } from './rules.ts';

const ROOT = join(import.meta.dirname, '../..');
const BAD = join(import.meta.dirname, 'bad');

test('the tree keeps its import rules', () => {
  const lines = violations(ROOT).map((v) => `${v.from}:${v.line} → ${v.to}: ${v.rule}`);
  assert.deepEqual(lines, []);
});

// Each folder below bad/ is a tiny tree with one forbidden import; expect.txt says which rule must catch it.
for (const name of readdirSync(BAD)) {
  test(`a bad import is caught: ${name}`, () => {
    const expected = readFileSync(join(BAD, name, 'expect.txt'), 'utf8').trim();
    assert.deepEqual(
      violations(join(BAD, name)).map((v) => v.rule),
      [expected],
    );
  });
}
