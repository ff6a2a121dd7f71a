import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTagExpression, type Tagged } from './tag-expression.ts';

const holds = (text: string, tags: Tagged): boolean => {
  const read = readTagExpression(text);
  assert.ok('test' in read, `${text}: ${JSON.stringify(read)}`);
  return read.test(tags);
};

/** Numbers that look random and are the same in each run. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

interface Made {
  text: string;
  holds(tags: Tagged): boolean;
}

/** An expression together with what it means, told by JavaScript's own operators. */
function make(random: (below: number) => number, depth: number): Made {
  const key = ['env', 'owner', 'role'][random(3)]!;
  const value = ['prod', 'lab', 'web'][random(3)]!;
  const kind = depth === 0 ? random(4) : random(7);
  if (kind === 0) return { text: `${key}=${value}`, holds: (tags) => tags[key] === value };
  if (kind === 1) return { text: `${key} != "${value}"`, holds: (tags) => tags[key] !== value };
  if (kind === 2) return { text: key, holds: (tags) => key in tags };
  if (kind === 3) return { text: '*', holds: () => true };
  const a = make(random, depth - 1);
  if (kind === 4) return { text: `not (${a.text})`, holds: (tags) => !a.holds(tags) };
  const b = make(random, depth - 1);
  if (kind === 5) return { text: `(${a.text}) and (${b.text})`, holds: (tags) => a.holds(tags) && b.holds(tags) };
  return { text: `((${a.text}) or (${b.text}))`, holds: (tags) => a.holds(tags) || b.holds(tags) };
}

test('expressions mean what JavaScript’s own operators say', () => {
  const random = seeded(7);
  for (let round = 0; round < 3000; round += 1) {
    const made = make(random, 3);
    const tags: Record<string, string> = {};
    for (const key of ['env', 'owner', 'role']) if (random(2)) tags[key] = ['prod', 'lab', 'web'][random(3)]!;
    if (made.text.length > 500) continue;
    assert.equal(holds(made.text, tags), made.holds(tags), `${made.text} on ${JSON.stringify(tags)}`);
  }
});

test('“and” binds closer than “or”, “not” closest; stars stand for anything', () => {
  assert.equal(holds('a or b and c', { a: '' }), true);
  assert.equal(holds('not a and b', { b: '' }), true);
  assert.equal(holds('name=web-*', { name: 'web-12' }), true);
  assert.equal(holds('name=*-a*b', { name: 'x-ab' }), true);
  assert.equal(holds('name=ab*ba', { name: 'aba' }), false);
  assert.equal(holds('constructor', {}), false);
});

test('what cannot be read is refused', () => {
  for (const text of [
    '',
    '  ',
    'and',
    'env=',
    '=prod',
    'env=prod owner=web',
    '(env=prod',
    'env=prod)',
    'not',
    'a && b',
  ])
    assert.ok('why' in readTagExpression(text), text);
  assert.ok('why' in readTagExpression('('.repeat(100) + 'a' + ')'.repeat(100)));
  assert.ok('why' in readTagExpression('a or '.repeat(200) + 'a'));
});
