import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { within } from './hours.ts';

const at = (time: string): Date => new Date(`2026-03-01T${time}:00.000Z`);

test('hours: the end does not belong to them; over midnight; none is always; equal ones are all day', () => {
  assert.ok(within('01:00-02:00', at('01:00')) && within('01:00-02:00', at('01:59')));
  assert.ok(!within('01:00-02:00', at('02:00')) && !within('01:00-02:00', at('00:59')));
  assert.ok(
    within('22:00-05:00', at('23:59')) && within('22:00-05:00', at('04:59')) && !within('22:00-05:00', at('12:00')),
  );
  assert.ok(within(null, at('12:00')) && within('00:00-00:00', at('12:00')));
});

test('property: a minute is within hours or within the rest of the day, never both', () => {
  const minute = fc.integer({ min: 0, max: 1439 });
  const clock = (minutes: number): string => new Date(minutes * 60_000).toISOString().slice(11, 16);
  fc.assert(
    fc.property(minute, minute, minute, (from, to, now) => {
      fc.pre(from !== to);
      const inside = within(`${clock(from)}-${clock(to)}`, at(clock(now)));
      assert.notEqual(inside, within(`${clock(to)}-${clock(from)}`, at(clock(now))));
    }),
  );
});
