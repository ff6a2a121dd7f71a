import { request, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';

export interface Asked {
  body?: unknown;
  timeoutMs?: number;
  signal?: AbortSignal;
}
export interface Answer {
  status: number;
  text: string;
}

const TIMEOUT_MS = 30_000;
const REPLY_LIMIT = 64 * 1024 * 1024;

/** One request and its whole answer. Knows no schema and no catalogue: what waits for weeks has only this loaded. */
export function ask(server: string, tls: RequestOptions, given: Asked): Promise<Answer> {
  const body = given.body === undefined ? null : Buffer.from(JSON.stringify(given.body));
  const headers = body ? { 'content-type': 'application/json', 'content-length': body.length } : {};
  const limit = AbortSignal.timeout(given.timeoutMs ?? TIMEOUT_MS);
  const signal = given.signal ? AbortSignal.any([given.signal, limit]) : limit;
  return new Promise((resolve, reject) => {
    const outgoing = request(server, { ...tls, headers, signal }, (incoming) => {
      collect(incoming).then((text) => resolve({ status: incoming.statusCode ?? 0, text }), reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body ?? undefined);
  });
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

const OUT_OF_TIME = new Set(['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED']);

/** A certificate that is out of its time is more often a clock that is. */
export function whyNot(cause: Error & { code?: string }, now: Date): string {
  if (!OUT_OF_TIME.has(cause.code ?? '')) return cause.message;
  return `${cause.message}; the clock of this host says ${now.toISOString()}, set it if that is wrong`;
}
