import assert from 'node:assert/strict';
import { test } from 'node:test';
import { remembered } from './remembered.ts';

test('what is asked again is answered the same, and worked out once while it is among the last that were asked', () => {
  const worked: string[] = [];
  const most = 3;
  const answer = remembered(most, (text: string, by: string | null) => {
    worked.push(`${by}:${text}`);
    return { text, by };
  });
  const last: string[] = [];
  for (let turn = 0; turn < 500; turn += 1) {
    const [text, by] = [`${(turn * turn) % 7}`, turn % 3 === 0 ? null : ''];
    const key = `${by}:${text}`;
    const before = worked.length;
    assert.deepEqual(answer(text, by), { text, by });
    assert.equal(worked.length - before, last.includes(key) ? 0 : 1, `turn ${turn}`);
    if (last.includes(key)) last.splice(last.indexOf(key), 1);
    last.push(key);
    if (last.length > most) last.shift();
  }
  assert.ok(worked.length < 500);
});

test('where a word ends belongs to what is asked, and what failed is tried again', () => {
  const joined = remembered(10, (a: string, b: string) => `${a}+${b}`);
  assert.deepEqual([joined('a', 'bc'), joined('ab', 'c'), joined('a","b', '')], ['a+bc', 'ab+c', 'a","b+']);
  let tries = 0;
  const failing = remembered(10, (text: string) => {
    tries += 1;
    if (tries === 1) throw new Error('not yet');
    return text;
  });
  assert.throws(() => failing('x'), /not yet/);
  assert.equal(failing('x'), 'x');
});
