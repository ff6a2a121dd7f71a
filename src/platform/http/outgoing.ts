import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, fetch, type RequestInit } from 'undici';

export interface Outgoing extends Pick<RequestInit, 'method' | 'body'> {
  headers?: Record<string, string>;
  /** PEM: the authority that the server's certificate must lead to; without it, the public ones */
  ca?: string | undefined;
  /** path of a Unix socket to go through */
  socketPath?: string | undefined;
  timeoutMs: number;
  /** bytes of the answer, at most */
  limit: number;
  signal?: AbortSignal | undefined;
  /** why this address may not be connected to, or null; asked of what a name stands for, too. Without it, every one may. */
  refuses?: ((address: string) => string | null) | undefined;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

/**
 * Secrets go along with what we ask: plain HTTP only where nobody can listen in. Null: nothing is wrong with the URL.
 */
export function urlProblem(url: string): string | null {
  if (!URL.canParse(url)) return 'its URL is not a URL';
  const { search, hash } = new URL(url);
  if (search || hash) return 'its URL has a query or fragment';
  return originProblem(url);
}

/** The same of where it leads to alone. */
export function originProblem(url: string): string | null {
  const { protocol, hostname, username, password } = new URL(url);
  if (username || password) return 'its URL holds a login; give it as a setting and a secret';
  if (protocol === 'https:') return null;
  const loopback = isLoopback(hostname);
  if (protocol !== 'http:') return 'its URL begins neither with https:// nor http://';
  return loopback ? null : 'plain http is taken on this machine only; give an https:// URL';
}

export const isLoopback = (hostname: string): boolean => /^127(?:\.\d{1,3}){3}$|^localhost$|^\[::1\]$/.test(hostname);

/** One request to somebody else's server: bounded in time and size, never redirected. Throws an Error in plain words. */
export async function request(url: string, outgoing: Outgoing): Promise<Answer> {
  const { bytes, ...answer } = await download(url, outgoing);
  return { ...answer, text: new TextDecoder().decode(bytes) };
}

/** The same, for an answer that is no text. */
export async function download(url: string, outgoing: Outgoing): Promise<Omit<Answer, 'text'> & { bytes: Uint8Array }> {
  const { ca, socketPath, timeoutMs, limit, signal, refuses, ...init } = outgoing;
  const within = refuses ? { lookup: lookupWithin(refuses, url) } : {};
  const dispatcher = new Agent({
    connect: { ...(ca ? { ca } : {}), ...(socketPath ? { socketPath } : {}), ...within },
  });
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      ...init,
      dispatcher,
      redirect: 'error',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    const bytes = await bounded(response.body, limit);
    return { status: response.status, headers: response.headers as unknown as Headers, bytes };
  } catch (error) {
    const cause = (error as Error).cause;
    throw new Error(cause instanceof Error ? cause.message : (error as Error).message, { cause: error });
  } finally {
    await dispatcher.destroy();
  }
}

/** The addresses that are connected to are those that were judged: a name cannot stand for others a moment later. */
function lookupWithin(refuses: (address: string) => string | null, url: string): LookupFunction {
  const literal = new URL(url).hostname.replace(/^\[|\]$/g, '');
  // An address is connected to without being looked up.
  const why = isIP(literal) ? refuses(literal) : null;
  if (why !== null) throw new Error(why);
  return (name: string, options: LookupOptions, done) => {
    lookup(name, { ...options, all: true }, (error, all: LookupAddress[]) => {
      if (error) return done(error, []);
      const allowed = all.filter(({ address }) => refuses(address) === null);
      const [first] = allowed;
      if (!first) return done(new Error(refuses(all[0]?.address ?? '') ?? `${name} stands for no address`), []);
      return options.all ? done(null, allowed) : done(null, first.address, first.family);
    });
  };
}

async function bounded(body: AsyncIterable<unknown> | null, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += (chunk as Uint8Array).length;
    if (size > limit) throw new Error('the answer is too large');
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks);
}
