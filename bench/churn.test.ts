import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Verdict } from '../src/loop/discovery/testing/churn-play.ts';
import { judged } from './churn.ts';

test('M.11: the ratio of a week says a single error among a million sightings', () => {
  const verdict: Verdict = {
    sightings: 1_000_000,
    hosts: 5000,
    merged: [],
    duplicates: [],
    falseNew: [],
    falseOffline: [],
    unexplained: [],
    trulyNew: 5000,
    apart: new Map(),
  };
  const printed = (one: Verdict): string => (judged(one).ours / judged(one).peer).toFixed(2);
  assert.equal(printed(verdict), '1.00');
  for (const kind of ['merged', 'duplicates', 'falseNew', 'falseOffline', 'unexplained'] as const)
    assert.equal(printed({ ...verdict, [kind]: ['it'] }), '0.50');
});
