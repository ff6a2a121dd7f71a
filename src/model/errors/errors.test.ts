import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError, ERRORS, type ErrorCode } from './index.ts';

test('every code is shouting snake case, has a sane status and a text that ends as a sentence', () => {
  for (const [code, spec] of Object.entries(ERRORS)) {
    assert.match(code, /^[A-Z][A-Z0-9_]+$/);
    assert.ok(spec.status >= 400 && spec.status < 600, code);
    assert.match(spec.text, /[.!?`)]$/, `${code}: ${spec.text}`);
    assert.doesNotMatch(spec.text, /^(failed to|unable to|error while|could not)/i, code);
  }
});

test('no code stands in two areas', async () => {
  const areas = ['audit', 'auth', 'change', 'discovery', 'enrollment', 'host', 'impact', 'platform', 'trail'];
  const modules = await Promise.all(areas.map((area) => import(`./${area}.ts`) as Promise<Record<string, object>>));
  const codes = modules.flatMap((module) => Object.values(module).flatMap((rows) => Object.keys(rows)));
  assert.deepEqual([...new Set(codes)].sort(), codes.sort());
  assert.equal(codes.length, Object.keys(ERRORS).length);
});

test('an AppError fills its text from params and leaves no placeholder behind', () => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    assert.doesNotMatch(new AppError(code).message, /\{\w+\}/);
  }
  assert.match(new AppError('NOT_FOUND', { what: 'host', id: 'x', list: 'hosts' }).message, /no host "x"/);
});
