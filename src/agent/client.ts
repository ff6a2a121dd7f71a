import { Agent, request, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import * as z from 'zod';
import { AppError } from '../model/errors/index.ts';

export interface ClientOptions {
  /** https://host:port */
  server: string;
  /** the only authority whose servers we talk to */
  ca: string;
  /** ours, once we are enrolled */
  identity?: { key: string; cert: string };
}

export interface CallOptions {
  body?: unknown;
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface Client {
  call<T>(method: 'GET' | 'POST', path: string, reply: z.ZodType<T>, options?: CallOptions): Promise<T>;
  close(): void;
}

const ErrorReply = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
const TIMEOUT_MS = 30_000;
const REPLY_LIMIT = 64 * 1024 * 1024;

/** The agent's side of /agent/v1: HTTPS with mutual TLS, one connection kept open. */
export function createClient(options: ClientOptions): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const tls = { ca: options.ca, ...options.identity, agent, minVersion: 'TLSv1.2' as const };
  return {
    call: async (method, path, reply, given = {}) => {
      const where = { method, path: `/agent/v1${path}` };
      const { status, text } = await send(options.server, { ...tls, ...where }, given);
      const json = parse(text);
      if (status >= 400) throw new AppError('AGENT_SERVER', { ...where, status, ...errorOf(json) });
      const parsed = reply.safeParse(json);
      if (!parsed.success)
        throw new AppError('AGENT_SERVER', {
          ...where,
          status,
          why: `an answer of another form (${parsed.error.message})`,
        });
      return parsed.data;
    },
    close: () => agent.destroy(),
  };
}

function send(server: string, tls: RequestOptions, given: CallOptions): Promise<{ status: number; text: string }> {
  const body = given.body === undefined ? null : Buffer.from(JSON.stringify(given.body));
  const headers = body ? { 'content-type': 'application/json', 'content-length': body.length } : {};
  const limit = AbortSignal.timeout(given.timeoutMs ?? TIMEOUT_MS);
  const signal = given.signal ? AbortSignal.any([given.signal, limit]) : limit;
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void =>
      reject(new AppError('AGENT_SERVER_UNREACHABLE', { server, why: whyNot(cause, new Date()) }, { cause }));
    const outgoing = request(server, { ...tls, headers, signal }, (incoming) => {
      collect(incoming).then((text) => resolve({ status: incoming.statusCode ?? 0, text }), fail);
    });
    outgoing.on('error', fail);
    outgoing.end(body ?? undefined);
  });
}

const OUT_OF_TIME = new Set(['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED']);

/** A certificate that is out of its time is more often a clock that is. */
export function whyNot(cause: Error & { code?: string }, now: Date): string {
  if (!OUT_OF_TIME.has(cause.code ?? '')) return cause.message;
  return `${cause.message}; the clock of this host says ${now.toISOString()}, set it if that is wrong`;
}

async function collect(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total > REPLY_LIMIT) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function errorOf(json: unknown): { code: string; why: string } {
  const parsed = ErrorReply.safeParse(json);
  return parsed.success
    ? { code: parsed.data.error.code, why: parsed.data.error.message }
    : { code: '', why: 'no reason given' };
}

/** Refused for good: asking again in a moment would be answered the same. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof AppError) || error.code !== 'AGENT_SERVER') return false;
  const status = Number(error.params['status']);
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

/** What the server's own code for a refusal was. */
export function refusalCode(error: unknown): string | null {
  return isRefusal(error) ? String((error as AppError).params['code'] ?? '') : null;
}
