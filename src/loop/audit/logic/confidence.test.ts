import assert from 'node:assert/strict';
import { test } from 'node:test';
import { confidenceOf, confidenceOfHost } from './confidence.ts';

test('3.7: what follows from a version alone is never certain, and less so of a library or of old facts', () => {
  const distribution = { release: '12', fix: '1.2-3' };
  const unfixed = { release: '12', fix: null };
  const library = { release: null, fix: '1.2.3' };
  const order = [distribution, unfixed, library].map((one) => confidenceOf(one, false));
  assert.deepEqual(
    order,
    order.toSorted((a, b) => b - a),
  );
  for (const [index, one] of [distribution, unfixed, library].entries()) {
    assert.ok(order[index]! < 1);
    assert.ok(confidenceOf(one, true) < confidenceOf(library, false), 'old facts are less than any fresh ones');
  }
  assert.equal(confidenceOfHost([], false), null);
  assert.equal(confidenceOfHost([library, distribution], false), confidenceOf(distribution, false));
});
