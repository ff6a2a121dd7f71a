import * as z from 'zod';

/** What an expression can see of a value: enough to notice a misspelt field when a kit is loaded. */
export type Shape =
  | { kind: 'object'; fields: Readonly<Record<string, Shape>> }
  | { kind: 'list'; of: Shape }
  | { kind: 'map'; of: Shape }
  | { kind: 'either'; of: readonly Shape[] }
  | { kind: 'plain' }
  | { kind: 'any' };

export const ANY: Shape = { kind: 'any' };
const PLAIN: Shape = { kind: 'plain' };

interface JsonSchema {
  type?: string | string[];
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
}

export function shapeOf(schema: z.ZodType): Shape {
  return fromJson(z.toJSONSchema(schema, { unrepresentable: 'any', io: 'output' }) as JsonSchema);
}

function fromJson(schema: JsonSchema): Shape {
  const either = schema.anyOf ?? schema.oneOf;
  if (either) {
    const of = either.filter((one) => one.type !== 'null').map(fromJson);
    return of.length === 1 ? of[0]! : { kind: 'either', of };
  }
  if (schema.type === 'array') return { kind: 'list', of: schema.items ? fromJson(schema.items) : ANY };
  if (schema.properties) {
    const fields = Object.entries(schema.properties).map(([name, inner]) => [name, fromJson(inner)] as const);
    return { kind: 'object', fields: Object.fromEntries(fields) };
  }
  if (schema.type === 'object') {
    return {
      kind: 'map',
      of: typeof schema.additionalProperties === 'object' ? fromJson(schema.additionalProperties) : ANY,
    };
  }
  return schema.type === undefined ? ANY : PLAIN;
}

/** The field's shape, or null where a value of that shape never has it. */
export function fieldOf(shape: Shape, field: string): Shape | null {
  if (shape.kind === 'any') return ANY;
  if (shape.kind === 'map') return shape.of;
  if (shape.kind === 'object') return Object.hasOwn(shape.fields, field) ? shape.fields[field]! : null;
  if (shape.kind !== 'either') return null;
  const found = shape.of.map((one) => fieldOf(one, field)).filter((one) => one !== null);
  return found.length === 0 ? null : found.length === 1 ? found[0]! : { kind: 'either', of: found };
}

/** What a list holds, or what a map holds under a name. */
export function elementOf(shape: Shape): Shape {
  return shape.kind === 'list' || shape.kind === 'map' ? shape.of : ANY;
}

/** Names of the fields, for saying what there is instead. */
export function fieldNames(shape: Shape): string[] {
  if (shape.kind === 'object') return Object.keys(shape.fields);
  return shape.kind === 'either' ? [...new Set(shape.of.flatMap(fieldNames))] : [];
}
