import assert from 'node:assert/strict';
import { test } from 'node:test';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { quickCanonical } from './quick-canonical.ts';

/** Like the objects that we hash: names for keys, of all kinds, and now and then such as objects or JSON treat on their own. */
const key = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom(
    '__proto__',
    'toJSON',
    '10',
    '9',
    '01',
    '-1',
    'constructor',
    '\ud800',
    'é',
    '\u{1f525}',
    '',
    'A',
    'a',
  ),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.constantFrom('\ud800', 'a\udc00', '\\ud800', '\0', '\u2028', '\u007f', '"'),
    fc.double(),
    fc.integer(),
    fc.boolean(),
    fc.constantFrom(null, undefined, -0, 1e21, 1e-7, 5e-324),
    fc.date({ noInvalidDate: true }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(key, tie('value'), { maxKeys: 6, noNullPrototype: false }),
  ),
}));

test('where it answers at all, it answers as the library does', () => {
  let answered = 0;
  fc.assert(
    fc.property(value, (one) => {
      const quick = quickCanonical(one);
      if (quick === null) return;
      answered++;
      assert.equal(quick, canonicalize(one));
    }),
    { numRuns: 3000 },
  );
  assert.ok(answered > 500, `${answered} answers`);
});

test('plain facts are answered; what goes in circles, and what no JSON is, is left to the library', () => {
  const facts = [
    { version: '1.2', name: 'openssl', origin: null, size: 3, tags: ['b', 'a'], inner: { z: 1, a: undefined } },
  ];
  assert.equal(
    quickCanonical(facts),
    '[{"inner":{"z":1},"name":"openssl","origin":null,"size":3,"tags":["b","a"],"version":"1.2"}]',
  );
  const circle: Record<string, unknown> = {};
  circle['again'] = circle;
  for (const odd of [circle, undefined, Number.NaN, 10n, new Map(), { a: new Date(0) }, { 7: 'x', a: 'y' }, '\udc00'])
    assert.equal(quickCanonical(odd), null);
});
