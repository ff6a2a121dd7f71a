import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, toCel } from './expression.ts';
import type { Scope } from './walk.ts';

const SCOPE: Scope = { facts: { kind: 'any' } };
const run = (source: string, facts: unknown) => compile(source, SCOPE).evaluate({ facts: toCel(facts) });
const many = Array.from({ length: 20_000 }, (_, index) => index);

test('an expression that would never come to an end is ended, and gives no verdict', () => {
  const began = performance.now();
  for (const source of [
    'facts.all(a, facts.all(b, a + b >= 0))',
    'facts.exists(a, facts.exists(b, a + b < 0))',
    'facts.map(a, facts.filter(b, b > a)).size() > 0',
    // Absorbed by `||`, it would be a pass.
    'facts.all(a, facts.all(b, a + b >= 0)) || true',
  ]) {
    const told = run(source, many);
    assert.ok('error' in told && /does not come to an end/.test(told.error), `${source}: ${JSON.stringify(told)}`);
  }
  assert.ok(performance.now() - began < 10_000, `${performance.now() - began} ms`);
});

test('texts count by their length: a pattern over many long ones is ended as well', () => {
  const texts = Array.from({ length: 1000 }, () => 'a'.repeat(65_536));
  const told = run("facts.all(t, t.matches('(a*)*b') == false)", texts);
  assert.ok('error' in told && /does not come to an end/.test(told.error));
  const grown = run('facts.map(t, t + t + t + t + t + t + t + t)', texts);
  assert.ok('error' in grown);
});

test('a pattern that would take others for ever takes time by the length of the text', () => {
  const began = performance.now();
  assert.deepEqual(run("facts.matches('^(a+)+$')", `${'a'.repeat(5000)}!`), { value: false });
  assert.ok(performance.now() - began < 2000);
});

test('what honest checks do fits: every package of a large host, looked at several times', () => {
  const packages = Array.from({ length: 10_000 }, (_, index) => ({ name: `p${index}`, version: '1.0-1' }));
  const source = "facts.filter(p, p.name.matches('7$') && p.version != '2').map(p, p.name).size() == 1000";
  assert.deepEqual(run(source, packages), { value: true });
});

test('what an expression gives is bounded', () => {
  const told = run('facts', many.concat(many));
  assert.ok('error' in told && /more than/.test(told.error));
});

test('counters change nothing of what an expression means', () => {
  const facts = { list: [1, 2, 3], text: 'abc', map: { x: 'y' } };
  for (const [source, value] of [
    ['facts.list.map(i, i * 2.0)', [2, 4, 6]],
    ["facts.text + 'd'", 'abcd'],
    ['facts.list + [4]', [1, 2, 3, 4]],
    ["facts.map.x.startsWith('y') ? size(facts.text) : 0", 3],
    ['[1, 2].exists_one(i, i == 2) && has(facts.map.x)', true],
    ["{'a': facts.list[0] + 1.0}", { a: 2 }],
    ["timestamp('2025-01-02T00:00:00Z') + duration('24h') > timestamp('2025-01-01T00:00:00Z')", true],
  ] as const)
    assert.deepEqual(run(source, facts), { value }, source);
});

test('filter and map take time by the length of the list, and take lists of any length that fits', () => {
  const took = (size: number): number => {
    const list = toCel(Array.from({ length: size }, (_, index) => ({ n: index })));
    const began = performance.now();
    for (const source of [
      'facts.filter(a, a.n >= 0.0)',
      'facts.map(a, a.n)',
      'facts.filter(a, a.n >= 0.0).map(b, b.n)',
    ]) {
      const told = compile(`size(${source}) == ${size}`, SCOPE).evaluate({ facts: list });
      assert.deepEqual(told, { value: true }, source);
    }
    return performance.now() - began;
  };
  took(2000);
  const [short, long] = [took(5000), took(50_000)];
  assert.ok(long < short * 40 + 200, `${short} ms for 5000, ${long} ms for 50000`);
});
