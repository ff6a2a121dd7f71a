import type { OpenApi } from '../../src/platform/http/openapi.ts';
import { typeOf, type Schema } from './types.ts';

interface Parameter {
  name: string;
  in: 'path' | 'query';
  required: boolean;
  schema: Schema;
}
interface Operation {
  operationId: string;
  summary: string;
  parameters: Parameter[];
  requestBody?: { content: { 'application/json': { schema: Schema } } };
  responses: Record<string, { content?: { 'application/json': { schema: Schema } } }>;
}

/** The types and the table of operations that src/client/client.ts works from. */
export function clientSource(document: OpenApi): string {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      operation: operation as Operation,
    })),
  );
  operations.sort((a, b) => a.operation.operationId.localeCompare(b.operation.operationId));
  const ids = operations.map((item) => item.operation.operationId);
  const twice = ids.find((id, index) => ids[index + 1] === id);
  if (twice) throw new Error(`two operations are called ${twice}`);
  return [
    '// Generated from the API by `npm run generate`. Do not edit.',
    '',
    'export interface Operations {',
    ...operations.flatMap(({ operation }) => [
      `  /** ${operation.summary} */`,
      `  ${operation.operationId}: { input: ${inputOf(operation)}; reply: ${replyOf(operation)} };`,
    ]),
    '}',
    '',
    'export const OPERATIONS: { [N in keyof Operations]: { method: string; path: string } } = {',
    ...operations.map(
      ({ path, method, operation }) => `  ${operation.operationId}: { method: '${method}', path: '${path}' },`,
    ),
    '};',
    '',
  ].join('\n');
}

function fields(parameters: Parameter[]): string {
  return `{ ${parameters.map((item) => `${item.name}${item.required ? '' : '?'}: ${typeOf(item.schema)}${item.required ? '' : ' | undefined'}`).join('; ')} }`;
}

function inputOf(operation: Operation): string {
  const path = operation.parameters.filter((item) => item.in === 'path');
  const query = operation.parameters.filter((item) => item.in === 'query');
  const body = operation.requestBody?.content['application/json'].schema;
  const parts = [
    ...(path.length ? [`params: ${fields(path)}`] : []),
    ...(query.length ? [`query${query.some((item) => item.required) ? '' : '?'}: ${fields(query)}`] : []),
    ...(body ? [`body: ${typeOf(body)}`] : []),
  ];
  return parts.length ? `{ ${parts.join('; ')} }` : 'Record<never, never>';
}

function replyOf(operation: Operation): string {
  const success = Object.entries(operation.responses).find(([status]) => status !== 'default')?.[1];
  const schema = success?.content?.['application/json'].schema;
  return schema ? typeOf(schema) : 'unknown';
}
