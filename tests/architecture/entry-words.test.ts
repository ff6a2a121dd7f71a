import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { typeInWords } from '../../src/model/entry-words.ts';

const SRC = join(import.meta.dirname, '../../src');
const WRITERS = /^(loop|platform)\//;
const TYPE = /['"]((?:discovery|enrollment|audit|impact|change|trail|auth)\.[a-z]+\.[a-z]+)['"]/g;

test('every type of entry that the product writes has words', () => {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
    (name) => WRITERS.test(name) && name.endsWith('.ts') && !/\.test\.ts$|\/testing/.test(name),
  );
  // A subject is written beside its type; columns of tables ('discovery.followed.at') have none.
  const types = files
    .map((name) => readFileSync(join(SRC, name), 'utf8'))
    .filter((text) => /\brecord\(|\bactor\b/.test(text) && /subject/.test(text))
    .flatMap((text) => [...text.matchAll(TYPE)].map((match) => match[1]!));
  assert.ok(new Set(types).size > 40, 'the pattern finds them');
  assert.deepEqual(
    [...new Set(types)].filter((type) => typeInWords(type) === type),
    [],
  );
});
