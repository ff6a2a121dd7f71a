import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import { typeOf, type Schema } from './types.ts';

const type = (schema: z.ZodType): string => typeOf(z.toJSONSchema(schema, { unrepresentable: 'any' }) as Schema);

test('schemas become the types they check', () => {
  const cases: [z.ZodType, string][] = [
    [z.string().max(3), 'string'],
    [z.number().int(), 'number'],
    [z.null(), 'null'],
    [z.literal('a'), '"a"'],
    [z.enum(['a', 'b']), '"a" | "b"'],
    [z.string().nullable(), 'string | null'],
    [z.array(z.string().nullable()), 'Array<string | null>'],
    [z.tuple([z.string(), z.number()]), '[string, number]'],
    [z.object({ a: z.string(), 'b-c': z.number().optional() }), '{ a: string; "b-c"?: number | undefined }'],
    [z.record(z.string(), z.number()), 'Record<string, number>'],
    [z.record(z.enum(['x', 'y']), z.boolean()), 'Record<"x" | "y", boolean>'],
    [z.unknown(), 'unknown'],
    [z.union([z.object({ a: z.string() }), z.object({ b: z.string() })]), '{ a: string } | { b: string }'],
    [
      z.discriminatedUnion('k', [z.object({ k: z.literal('a') }), z.object({ k: z.literal('b'), n: z.number() })]),
      '{ k: "a" } | { k: "b"; n: number }',
    ],
    [z.object({}).strict(), 'Record<never, never>'],
  ];
  for (const [schema, expected] of cases) assert.equal(type(schema), expected);
});
