import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Statement } from '../../../../model/statement.ts';
import { statement } from '../../feeds/testing.ts';
import { merged } from './accept.ts';

const about = (rest: Partial<Statement>): Statement =>
  statement(null, { ecosystem: 'npm', id: 'GHSA-1', ranges: [], ...rest });

test('what is said of one package many times is joined in time that grows with it, not with its square', () => {
  const many = Array.from({ length: 20_000 }, (_, at) =>
    about({ ranges: [{ introduced: `${at}.0.0`, fixed: `${at}.5.0` }], status: 'fixed', fixed: `${at}.5.0` }),
  );
  const began = performance.now();
  const [one, ...others] = merged([...many, ...many]).values();
  assert.ok(performance.now() - began < 5000);
  assert.equal(others.length, 0);
  assert.equal(one!.ranges.length, 20_000);
});

test('joined: all ranges and versions once, fixed where one is, and what says nothing of ranges adds nothing', () => {
  const told = merged([
    about({ versions: ['1.0'] }),
    about({ status: 'unassessed' }),
    about({ ranges: [{ introduced: '0', fixed: '2.0' }], versions: ['1.0'], status: 'fixed', fixed: '2.0' }),
    about({ id: 'GHSA-2' }),
  ]);
  assert.deepEqual(
    [...told.values()],
    [
      about({ ranges: [{ introduced: '0', fixed: '2.0' }], versions: ['1.0'], status: 'fixed', fixed: '2.0' }),
      about({ id: 'GHSA-2' }),
    ],
  );
});
