import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { damaged, isPolluted, misshapen } from '../../../../tests/mutations.ts';
import { isAppError } from '../../../model/errors/index.ts';
import { KITS_DIR, parseKit } from './parse.ts';

const BOUND_MS = 5000;

/** A kit, or a refusal with file, line and column; nothing else ever happens. */
function holds(text: string): void {
  const began = performance.now();
  try {
    parseKit(text, 'kit.yaml');
  } catch (error) {
    assert.ok(isAppError(error, 'KIT_INVALID'), String((error as Error).stack));
    assert.match(error.message, /kit\.yaml/);
    assert.ok(error.message.length < 1500, `an error of ${error.message.length} characters`);
  }
  const ms = performance.now() - began;
  assert.ok(ms < BOUND_MS, `it took ${ms} ms: ${text.slice(0, 300)}`);
  assert.ok(!isPolluted());
}

const kits = readdirSync(KITS_DIR, { withFileTypes: true })
  .filter((one) => one.isDirectory() && one.name !== 'linux-baseline')
  .map(({ name }) => readFileSync(join(KITS_DIR, name, 'kit.yaml')));

test('a kit that is damaged is a kit, or refused with its place, at once', () => {
  const small = kits.filter((one) => one.length < 12_000);
  assert.ok(small.length > 3);
  for (const one of small) holds(one.toString('utf8'));
  fc.assert(
    fc.property(damaged(small), (bytes) => holds(Buffer.from(bytes).toString('utf8'))),
    { numRuns: 250 },
  );
});

test('a kit with a value of another type, far too large or far too deep is refused with its place, at once', () => {
  const documents = kits.filter((one) => one.length < 12_000).map((one) => parse(one.toString('utf8')) as unknown);
  fc.assert(
    fc.property(misshapen(documents), (text) => holds(text)),
    { numRuns: 250 },
  );
});

test('a name that is far too long is refused with its place, and not told whole', () => {
  const text = kits.map((one) => one.toString('utf8')).find((one) => /^ +fixes: \[/m.test(one))!;
  holds(text.replace(/^( +fixes: \[)/m, `$1${'x'.repeat(3000)}, `));
  assert.throws(() => parseKit(text.replace(/^( +fixes: \[)/m, `$1${'x'.repeat(3000)}, `), 'kit.yaml'), /xxx…/);
});
