/** JSON Schema 2020-12, as zod prints it, → a TypeScript type. Only what our own schemas use. */
export interface Schema {
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  items?: Schema;
  prefixItems?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  propertyNames?: Schema;
  default?: unknown;
}

const PRIMITIVE: Record<string, string> = {
  string: 'string',
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
  null: 'null',
};
const key = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));

export function typeOf(schema: Schema): string {
  if ('const' in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const union = schema.anyOf ?? schema.oneOf;
  if (union) return [...new Set(union.map((item) => wrap(typeOf(item))))].join(' | ');
  if (schema.allOf) return schema.allOf.map((item) => wrap(typeOf(item))).join(' & ');
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type })).join(' | ');
  if (schema.type === 'array') return arrayOf(schema);
  if (schema.type === 'object') return objectOf(schema);
  return PRIMITIVE[schema.type ?? ''] ?? 'unknown';
}

function wrap(type: string): string {
  return / [|&] /.test(type) && !type.startsWith('{') ? `(${type})` : type;
}

function arrayOf(schema: Schema): string {
  if (schema.prefixItems) return `[${schema.prefixItems.map(typeOf).join(', ')}]`;
  return `Array<${typeOf(schema.items ?? {})}>`;
}

function objectOf(schema: Schema): string {
  const fields = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const optional = !schema.required?.includes(name);
    return `${key(name)}${optional ? '?' : ''}: ${typeOf(property)}${optional ? ' | undefined' : ''}`;
  });
  if (fields.length > 0) return `{ ${fields.join('; ')} }`;
  const rest = schema.additionalProperties;
  if (typeof rest === 'object') {
    const keys = schema.propertyNames?.enum ? typeOf(schema.propertyNames) : 'string';
    return `Record<${keys}, ${typeOf(rest)}>`;
  }
  return rest === false ? 'Record<never, never>' : 'Record<string, unknown>';
}
