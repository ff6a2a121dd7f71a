import type { KeyObject } from 'node:crypto';
import { Agent } from 'node:https';
import * as z from 'zod';
import { AppError } from '../model/errors/index.ts';
import { ask, whyNot, type Asked } from './https.ts';

export interface ClientOptions {
  /** https://host:port */
  server: string;
  /** the only authority whose servers we talk to */
  ca: string;
  /** ours, once we are enrolled */
  identity?: { key: string; cert: string };
}

export type CallOptions = Asked;

export interface Client {
  call<T>(method: 'GET' | 'POST', path: string, reply: z.ZodType<T>, options?: CallOptions): Promise<T>;
  close(): void;
}

const ErrorReply = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** The agent's side of /agent/v1: HTTPS with mutual TLS, one connection kept open. */
export function createClient(options: ClientOptions): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const tls = { ca: options.ca, ...options.identity, agent, minVersion: 'TLSv1.2' as const };
  return {
    call: async (method, path, reply, given = {}) => {
      const where = { method, path: `/agent/v1${path}` };
      const { status, text } = await ask(options.server, { ...tls, ...where }, given).catch((cause: Error) => {
        const why = whyNot(cause, new Date());
        throw new AppError('AGENT_SERVER_UNREACHABLE', { server: options.server, why }, { cause });
      });
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

/** The enrolled agent's. */
export function clientOf(
  { server, ca }: { server: string; ca: string },
  key: KeyObject,
  { certificate }: { certificate: string },
): Client {
  const pem = key.export({ format: 'pem', type: 'pkcs8' }).toString();
  return createClient({ server, ca, identity: { key: pem, cert: certificate } });
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
