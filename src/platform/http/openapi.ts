import * as z from 'zod';
import type { Route } from './route.ts';

/** OpenAPI 3.1 speaks JSON Schema 2020-12, which zod prints; so the document is read off the routes. */
export interface OpenApi {
  openapi: '3.1.0';
  info: { title: string; version: string; description: string };
  servers: { url: string }[];
  security: Record<string, string[]>[];
  components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> };
  paths: Record<string, Record<string, unknown>>;
}
type JsonSchema = { type?: string; properties?: Record<string, unknown>; required?: string[]; [key: string]: unknown };

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    reused: 'inline',
    cycles: 'ref',
  });
  return rest as JsonSchema;
}

const ERROR = {
  type: 'object',
  properties: {
    error: {
      type: 'object',
      properties: { code: { type: 'string' }, message: { type: 'string' }, params: { type: 'object' } },
      required: ['code', 'message'],
    },
  },
  required: ['error'],
};

function parameters(route: Route): unknown[] {
  const of = (schema: z.ZodType | undefined, where: 'path' | 'query'): unknown[] => {
    if (!schema) return [];
    const { properties = {}, required = [] } = jsonSchema(schema, 'input');
    return Object.entries(properties).map(([name, property]) => ({
      name,
      in: where,
      required: where === 'path' || required.includes(name),
      schema: property,
    }));
  };
  return [...of(route.params, 'path'), ...of(route.query, 'query')];
}

function operation(route: Route): Record<string, unknown> {
  const success =
    route.raw && !route.reply
      ? { description: 'as it stands' }
      : {
          description: 'done',
          content: { 'application/json': { schema: route.reply ? jsonSchema(route.reply, 'output') : {} } },
        };
  return {
    operationId: route.id,
    summary: route.summary,
    'x-access': route.access,
    ...(route.access === 'public' ? { security: [] } : {}),
    parameters: parameters(route),
    ...(route.body
      ? {
          requestBody: { required: true, content: { 'application/json': { schema: jsonSchema(route.body, 'input') } } },
        }
      : {}),
    responses: {
      [String(route.status ?? 200)]: success,
      default: {
        description: 'refused',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  };
}

export function openApi(routes: readonly Route[]): OpenApi {
  const paths: OpenApi['paths'] = {};
  for (const route of [...routes].sort((a, b) => a.path.localeCompare(b.path) || a.method.localeCompare(b.method))) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    const item = (paths[path] ??= {});
    const method = route.method.toLowerCase();
    if (item[method]) throw new Error(`two routes are ${route.method} ${route.path}`);
    item[method] = operation(route);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Lastember', version: '1', description: 'All that the console and the command line can do.' },
    servers: [{ url: '/api/v1' }],
    security: [{ token: [] }, { session: [] }],
    components: {
      schemas: { Error: ERROR },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: 'lastember_session' },
      },
    },
    paths,
  };
}
