import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Doubts } from './doubts.ts';

test('3.10: one place after the other is asked until enough hosts were, in whatever order they are told of', () => {
  const told = fc.array(fc.record({ place: fc.nat(7), hosts: fc.nat(5) }), { maxLength: 30 });
  fc.assert(
    fc.property(told, fc.nat(20), (all, most) => {
      const doubts = new Doubts<object>(8, most);
      for (const one of all) doubts.add(one.place, one, one.hosts);
      const own = Array.from({ length: 8 }, (_, place) => all.filter((one) => one.place === place && one.hosts > 0));
      let asked = 0;
      const isAsked = own.map((some) => {
        const before = asked;
        asked += some.reduce((sum, { hosts }) => sum + hosts, 0);
        return before < most;
      });
      const those = (isWanted: boolean): number[] =>
        [...own.keys()].filter((place) => own[place]!.length > 0 && isAsked[place] === isWanted);
      assert.deepEqual([...doubts.putOff].toSorted(), those(false));
      assert.deepEqual(
        doubts.toAsk,
        those(true).map((place) => [place, own[place]]),
      );
    }),
  );
});

test('3.10: no more is kept than is asked, however much there is to ask', () => {
  const doubts = new Doubts<number>(1000, 100);
  for (let host = 0; host < 50; host += 1) for (let place = 0; place < 1000; place += 1) doubts.add(place, host, 1);
  assert.deepEqual(
    doubts.toAsk.map(([place, what]) => [place, what.length]),
    [
      [0, 50],
      [1, 50],
    ],
  );
  assert.equal([...doubts.putOff].length, 998);
});
