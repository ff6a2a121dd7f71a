import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { missed, spread, type Absence } from './absence.ts';

const HOUR = 3_600_000;

/** Plays tries until `ms` have gone by; `refused` says of each how it went. */
function play(ms: number, refused: (tries: number) => boolean, random = 0.5) {
  const began = Date.UTC(2026, 0, 1);
  let [now, absence] = [began, null as Absence | null];
  const seen = { tries: 0, told: 0, lookedInto: 0, longest: 0 };
  while (now < began + ms) {
    const next = missed(absence, now, refused(seen.tries));
    absence = next.absence;
    seen.tries += 1;
    seen.told += Number(next.tell);
    seen.lookedInto += Number(next.lookInto);
    seen.longest = Math.max(seen.longest, next.waitMs);
    now += spread(next.waitMs, random);
  }
  return { ...seen, absence };
}

test('weeks without a server: a try each few minutes, a hundred lines, and the number of tries is known', () => {
  const weeks = play(28 * 24 * HOUR, () => false);
  assert.ok(weeks.longest === 300_000 && weeks.tries < 12_000 && weeks.tries > 6000);
  assert.ok(weeks.told >= 28 * 4 - 1 && weeks.told < 28 * 4 + 16, `${weeks.told} lines`);
  assert.equal(weeks.absence?.tries, weeks.tries);
  assert.equal(weeks.lookedInto, 0);
  assert.ok(play(15 * 60_000, () => false).longest <= 60_000, 'a restart of the server is not noticed for long');
});

test('a refusal after weeks of silence is looked into at once, and then less and less often', () => {
  const back = play(21 * 24 * HOUR, (tries) => tries > 5000);
  assert.ok(back.lookedInto >= 1);
  let absence: Absence | null = { since: 0, tries: 5003, refusals: 0, toldAt: 1000 };
  const first = missed(absence, 2000, true);
  assert.deepEqual([first.lookInto, first.tell], [true, false]);
  absence = first.absence;
  assert.deepEqual(
    [1, 2, 3, 4].map(() => {
      const next = missed(absence, 2000, true);
      absence = next.absence;
      return next.lookInto;
    }),
    [true, false, true, false],
  );
});

test('whatever the clock does, the wait is bounded, and agents do not come back in the same second', () => {
  const time = fc.integer({ min: 0, max: 4e12 });
  const before = fc.record({ since: time, tries: fc.nat(), refusals: fc.nat(), toldAt: time });
  fc.assert(
    fc.property(fc.option(before), time, fc.boolean(), (known, now, refused) => {
      const { waitMs, absence } = missed(known, now, refused);
      assert.ok(waitMs >= 500 && waitMs <= 300_000);
      assert.ok(absence.since <= now && absence.toldAt <= now && absence.tries === (known?.tries ?? 0) + 1);
    }),
  );
  const returns = Array.from({ length: 3000 }, (_, index) => Math.floor(spread(300_000, index / 3000) / 1000));
  const busiest = Math.max(...[...Map.groupBy(returns, (second) => second).values()].map(({ length }) => length));
  assert.ok(busiest <= 25, `${busiest} of 3000 in one second`);
});
