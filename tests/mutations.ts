import fc from 'fast-check';

/** What a sound value is replaced by, as JSON text: what parsers were not made for. */
const ODD: readonly string[] = [
  'null',
  'true',
  '""',
  '-1',
  '1e308',
  '9007199254740993',
  '123456789012345678901234567890',
  '[]',
  '{}',
  '[[[]]]',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '"\\u0000"',
  '"\\ud800"',
  '"__proto__"',
  JSON.stringify('x'.repeat(70_000)),
  `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`,
];

/** Sound bytes with some flipped, some cut away, some said twice, or the end missing. */
export function damaged(samples: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const edit = fc.record({
    how: fc.constantFrom('flip', 'cut', 'twice', 'end'),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.integer({ min: 1, max: 40 }),
    byte: fc.integer({ min: 0, max: 255 }),
  });
  return fc
    .tuple(fc.constantFrom(...samples), fc.array(edit, { minLength: 1, maxLength: 4 }))
    .map(([sample, edits]) => {
      let bytes = Buffer.from(sample);
      for (const { how, at, length, byte } of edits) {
        const from = Math.floor(at * bytes.length);
        const [head, part, tail] = [
          bytes.subarray(0, from),
          bytes.subarray(from, from + length),
          bytes.subarray(from + length),
        ];
        if (how === 'flip') bytes = Buffer.concat([head, part.map((one) => one ^ byte), tail]);
        if (how === 'cut') bytes = Buffer.concat([head, tail]);
        if (how === 'twice') bytes = Buffer.concat([head, part, part, tail]);
        if (how === 'end') bytes = head;
      }
      return bytes;
    });
}

/** The text of a sound document in which one value, or a key, is another: a wrong type, a huge number, nested far too deep. */
export function misshapen(samples: readonly unknown[]): fc.Arbitrary<string> {
  const sites = samples.map((sample) => [...placesIn(sample)]);
  return fc
    .record({
      sample: fc.nat(samples.length - 1),
      place: fc.nat(),
      odd: fc.constantFrom(...ODD),
      asKey: fc.boolean(),
    })
    .map(({ sample, place, odd, asKey }) => {
      const path = sites[sample]![place % sites[sample]!.length]!;
      return put(samples[sample], path, asKey ? `{"__proto__":${odd},"constructor":${odd}}` : odd);
    });
}

const MARK = '\u0001here\u0001';
type Path = readonly (string | number)[];

function* placesIn(value: unknown, path: Path = []): Generator<Path> {
  yield path;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, one] of Object.entries(value).slice(0, 20))
    yield* placesIn(one, [...path, Array.isArray(value) ? Number(key) : key]);
}

function put(value: unknown, path: Path, text: string): string {
  if (path.length === 0) return text;
  const copy = structuredClone(value);
  let at = copy as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as typeof at;
  at[path.at(-1)!] = MARK;
  return JSON.stringify(copy).replace(JSON.stringify(MARK), () => text);
}

export const isPolluted = (): boolean => 'polluted' in {};
