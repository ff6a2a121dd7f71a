import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Boot, comesBack, doubled, LATE_MS } from './doubled.ts';

/** What the server keeps, fed with check-ins in the order in which it handles them. */
function judge(checkIns: { bootId: string; at: number }[]): boolean {
  const seen = new Map<string, Boot>();
  return checkIns.some(({ bootId, at }) => {
    const now = new Date(at);
    const back = comesBack([...seen.values()], bootId, now);
    const before = seen.get(bootId);
    seen.set(bootId, { bootId, lastSeen: now, returns: (before?.returns ?? 0) + (back ? 1 : 0) });
    return back && doubled([...seen.values()], now).length === 2;
  });
}
const MINUTE = 60_000;
const every = (bootId: string, from: number, times: number): { bootId: string; at: number }[] =>
  Array.from({ length: times }, (_, n) => ({ bootId, at: from + n * MINUTE }));
const inOrder = (checkIns: { bootId: string; at: number }[]) => checkIns.toSorted((a, b) => a.at - b.at);

test('2.6: one machine that boots as often as it likes is never taken for two', () => {
  const boot = fc.record({ times: fc.integer({ min: 1, max: 5 }), down: fc.integer({ min: 1000, max: 600_000 }) });
  const late = fc.integer({ min: 0, max: LATE_MS - 1 });
  fc.assert(
    fc.property(fc.array(boot, { minLength: 2, maxLength: 8 }), late, fc.nat(), (boots, behind, which) => {
      let at = 0;
      const told = boots.flatMap(({ times, down }, n) => {
        const checkIns = every(`boot-${n}`, at, times);
        at = checkIns.at(-1)!.at + down;
        return checkIns;
      });
      // At one of the boots a word of the one before is handled right behind the first of it.
      const n = 1 + (which % (boots.length - 1));
      const first = told.find(({ bootId }) => bootId === `boot-${n}`)!;
      return !judge(inOrder([...told, { bootId: `boot-${n - 1}`, at: first.at + behind }]));
    }),
  );
});

test('2.6: a late word right beside the next boot, and one return to a snapshot, prove nothing', () => {
  assert.ok(!judge(inOrder([...every('a', 0, 3), ...every('b', 200_000, 9), { bootId: 'a', at: 203_000 }])));
  assert.ok(!judge(inOrder([...every('a', 0, 3), ...every('b', 200_000, 3), ...every('a', 900_000, 20)])));
});

test('2.6: two machines are found within four minutes, however their check-ins lie beside each other', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: MINUTE - 1 }), fc.integer({ min: 1, max: 50 }), (offset, before) => {
      const alone = every('a', 0, before);
      const start = before * MINUTE;
      return judge(inOrder([...alone, ...every('a', start, 5), ...every('b', start + offset, 5)]));
    }),
  );
});
