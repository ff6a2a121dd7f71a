import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AppError } from '../../../model/errors/index.ts';
import { SECTION_NAMES, type Section, type SectionName } from '../../../model/facts.ts';
import { LOOK_ORDER, missedBy, nextLook, withRest } from './agentless.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const section = (name: SectionName, error?: string): Section => ({
  name,
  version: 1,
  hash: '0'.repeat(64),
  collectedAt: NOW.toISOString(),
  ...(error === undefined ? { data: [] } : { error }),
});

test('the next look is within five minutes, later and later after failures, never later than an hour', () => {
  const now = new Date('2026-01-01T00:00:00Z');
  fc.assert(
    fc.property(fc.nat({ max: 60 }), fc.string(), (failures, host) => {
      const wait = nextLook(now, failures, host).getTime() - now.getTime();
      assert.ok(wait >= 270_000 && wait <= 3_600_000);
      if (failures <= 1) assert.ok(wait <= 300_000);
      assert.ok(nextLook(now, failures + 1, host).getTime() - now.getTime() >= wait);
    }),
  );
});

test('a look without what proofs rest on is none; a package manager that nobody reads is no failure', () => {
  const all = SECTION_NAMES.map((name) => section(name));
  const but = (name: SectionName, error: string): Section[] =>
    all.map((one) => (one.name === name ? section(name, error) : one));
  assert.equal(missedBy(all), null);
  assert.equal(missedBy([]), 'packages: nothing came');
  assert.equal(missedBy(but('processes', 'connection lost')), 'processes: connection lost');
  assert.equal(missedBy(but('users', 'too many')), null);
  assert.equal(missedBy(but('packages', new AppError('HOST_NO_PACKAGES').message)), null);
  assert.equal(missedBy(but('packages', 'disk full')), 'packages: disk full');
});

test('when time is up, what came stays, and every other section says why it did not come', () => {
  const came = LOOK_ORDER.slice(0, 3).map((name) => section(name));
  const whole = withRest(came, 'time is up', NOW);
  assert.deepEqual(whole.slice(0, 3), came);
  assert.deepEqual(whole.map(({ name }) => name).sort(), SECTION_NAMES.toSorted());
  assert.ok(whole.slice(3).every(({ error, data }) => error === 'time is up' && data === undefined));
  assert.equal(missedBy(whole), null);
});
