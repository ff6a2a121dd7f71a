import { OPERATIONS, type Operations } from './generated.ts';

/** The server's refusal. Branch on `code`; the message is for people. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  readonly params: Record<string, string | number>;
  constructor(status: number, error: { code: string; message: string; params?: Record<string, string | number> }) {
    super(error.message);
    this.name = 'ApiError';
    this.code = error.code;
    this.status = status;
    this.params = error.params ?? {};
  }
}

/** Nobody answered at all. */
export class Unreachable extends Error {
  constructor(baseUrl: string, cause: unknown) {
    super(`No Lastember server answers at ${baseUrl}. Is it running (\`lastember up\`), and is --server right?`, {
      cause,
    });
    this.name = 'Unreachable';
  }
}

export interface ClientOptions {
  /** `http://host:port`, or '' in the browser */
  baseUrl: string;
  /** sent with every request: a token, or the console's mark */
  headers?: Record<string, string>;
  fetch?: typeof fetch;
}

type Input<N extends keyof Operations> = Operations[N]['input'];
/** One function per operation of the API; operations that need no input may be called without. */
export type Client = {
  [N in keyof Operations]: Record<never, never> extends Input<N>
    ? (input?: Input<N>) => Promise<Operations[N]['reply']>
    : (input: Input<N>) => Promise<Operations[N]['reply']>;
};

interface Operation {
  method: string;
  path: string;
}

interface AnyInput {
  params?: Record<string, string | number>;
  query?: Record<string, unknown>;
  body?: unknown;
}

/** The bare reply of an operation, for what is large or no JSON (exports, documents); a refusal is thrown. */
export async function request<N extends keyof Operations>(
  options: ClientOptions,
  name: N,
  input: Input<N>,
): Promise<Response> {
  return ask(options, OPERATIONS[name], input as AnyInput);
}

export function createClient(options: ClientOptions): Client {
  const entries = Object.entries(OPERATIONS).map(([name, operation]) => [
    name,
    (input: AnyInput = {}) => call(options, operation, input),
  ]);
  return Object.fromEntries(entries) as Client;
}

async function call(options: ClientOptions, operation: Operation, input: AnyInput): Promise<unknown> {
  const reply = await ask(options, operation, input);
  const text = await reply.text();
  const isJson = reply.headers.get('content-type')?.includes('json') ?? false;
  return isJson && text !== '' ? parse(text) : text;
}

async function ask(options: ClientOptions, operation: Operation, input: AnyInput): Promise<Response> {
  const url = `${options.baseUrl}/api/v1${fill(operation.path, input.params ?? {})}${search(input.query ?? {})}`;
  const json =
    input.body === undefined
      ? {}
      : { body: JSON.stringify(input.body), headers: { 'content-type': 'application/json', ...options.headers } };
  const reply = await (options.fetch ?? fetch)(url, {
    method: operation.method,
    headers: options.headers ?? {},
    ...json,
  }).catch((cause: unknown) => {
    throw new Unreachable(options.baseUrl, cause);
  });
  if (reply.ok) return reply;
  throw new ApiError(reply.status, refusalIn(await reply.text(), reply.status));
}

type Refusal = { code: string; message: string; params?: Record<string, string | number> };

/** What stands between us and the server (a proxy) does not speak our catalogue. */
function refusalIn(text: string, status: number): Refusal {
  const { error } = (parse(text) ?? {}) as { error?: Partial<Refusal> };
  if (typeof error?.code === 'string' && typeof error.message === 'string') return error as Refusal;
  return { code: 'UNKNOWN', message: `The answer was ${status} without a reason. Is it a Lastember server?` };
}

/** JSON Lines (exports) are several documents, not one: those stay text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function fill(path: string, params: Record<string, string | number>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])));
}

function search(query: Record<string, unknown>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).filter((item) => item !== undefined).map((item) => [name, String(item)]),
  );
  return pairs.length ? `?${new URLSearchParams(pairs as [string, string][])}` : '';
}
