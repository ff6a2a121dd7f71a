import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unremedied } from './findings.ts';

const one = (check: string, remediable: boolean, state: 'open' | 'excepted' = 'open') => ({
  kit: 'linux-baseline',
  check,
  state,
  remediable,
});

test('3.12: a list of findings warns which of the rules that fail no kit puts right', () => {
  assert.deepEqual(unremedied([one('a', true), one('b', false, 'excepted')]), []);
  const [told, ...others] = unremedied([one('a', true), one('b', false), one('b', false), one('c', false)]);
  assert.deepEqual(others, []);
  assert.match(told!, /^No remediation: 3 of these are .*\(linux-baseline\/b, linux-baseline\/c\)/);
  const many = Array.from({ length: 20 }, (_, at) => one(`c${at}`, false));
  assert.match(unremedied(many)[0]!, /c7 and 12 more\)/);
});
