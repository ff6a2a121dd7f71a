import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { settledNames } from './names.ts';

test('renaming many at once never gives two hosts one name, and gives every name that is free', () => {
  const name = fc.nat({ max: 8 }).map((n) => `n${n}`);
  fc.assert(
    fc.property(fc.uniqueArray(name), fc.array(fc.option(name), { maxLength: 9 }), (now, wishes) => {
      const before = new Map(now.map((one, n) => [`h${n}`, one]));
      const wanted = new Map(wishes.flatMap((one, n) => (one && before.get(`h${n}`) !== one ? [[`h${n}`, one]] : [])));
      const taken = new Map([...before].map(([id, one]) => [one, [id]]));
      const given = settledNames(wanted, taken);
      const after = new Map([...before, ...given]);
      assert.equal(new Set(after.values()).size, after.size);
      for (const [id, one] of wanted)
        if (!given.has(id)) assert.ok([...after.values()].includes(one), `${one} was free`);
    }),
  );
});
