import { createHash } from 'node:crypto';
import { Agent, type Dispatcher, EnvHttpProxyAgent, fetch, type Response } from 'undici';
import { redirectProblem } from './redirect.ts';

/** Through whom others are reached; without one, straight. */
export interface Proxy {
  url: string | null;
  /** hosts that are reached straight: `example.org,.example.net` */
  except: string;
}

export interface FileWay {
  proxy: Proxy;
  /** PEM; without it, the public authorities */
  ca?: string | undefined;
  /** for each file */
  timeoutMs: number;
  /** bytes of each file, at most */
  limit: number;
  signal?: AbortSignal | undefined;
}

export interface FetchedFile {
  status: number;
  headers: Headers;
  bytes: Uint8Array;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MOST_REDIRECTS = 5;
/** How often a file that broke off is taken up again. */
const MOST_TRIES = 5;

/**
 * Files that somebody publishes, over connections that are kept: redirects are followed to where it might have been
 * configured, what broke off is taken up where it did, and a checksum that comes with it must be right.
 */
export class FileFetcher {
  readonly #way: FileWay;
  readonly #dispatcher: Dispatcher;
  constructor(way: FileWay) {
    this.#way = way;
    this.#dispatcher = dispatcherOf(way);
  }

  /** Throws an Error in plain words. */
  async get(url: string, headers: Record<string, string> = {}): Promise<FetchedFile> {
    const { timeoutMs, signal: given, limit } = this.#way;
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = given ? AbortSignal.any([given, timeout]) : timeout;
    try {
      const file = await whole(url, headers, { dispatcher: this.#dispatcher, signal, limit });
      if (file.status === 200) checkDigests(file.headers, file.bytes);
      return file;
    } catch (error) {
      throw new Error(firstCause(error as Error).message, { cause: error });
    }
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }
}

/** A proxy's refusal stands behind two layers that only say that it failed. */
const firstCause = (error: Error): Error => (error.cause instanceof Error ? firstCause(error.cause) : error);

function dispatcherOf({ proxy, ca }: FileWay): Dispatcher {
  const tls = ca ? { ca } : {};
  if (proxy.url === null) return new Agent({ connect: tls });
  // Empty texts: nothing of it is taken from the environment.
  const own = { httpProxy: '', httpsProxy: proxy.url, noProxy: proxy.except };
  return new EnvHttpProxyAgent({ ...own, connect: tls, requestTls: tls });
}

interface Way {
  dispatcher: Dispatcher;
  signal: AbortSignal;
  limit: number;
}

async function whole(url: string, headers: Record<string, string>, way: Way): Promise<FetchedFile> {
  const body = new Pieces(way.limit);
  let first = await followed(url, headers, way);
  let part = first;
  for (let left = MOST_TRIES; ; left -= 1) {
    const before = body.size;
    const broken = await body.take(part.body);
    if (broken === null) return { status: first.status, headers: plain(first), bytes: body.whole() };
    if (left === 1 || body.size === before || !canResume(first, way)) throw broken;
    part = await followed(url, resuming(first, body.size), way);
    if (continues(part, body.size)) continue;
    // Another file by now, or a server that knows no parts: from the beginning.
    first = part;
    body.clear();
  }
}

const plain = (response: Response): Headers => response.headers as unknown as Headers;

/** What tells that a file is still the same; a weak ETag does not. */
function validatorOf({ headers }: Response): string | null {
  const etag = headers.get('etag');
  return etag !== null && !etag.startsWith('W/') ? etag : headers.get('last-modified');
}

function resuming(first: Response, from: number): Record<string, string> {
  // What is packed on the way has no places that could be counted.
  return { range: `bytes=${from}-`, 'if-range': validatorOf(first)!, 'accept-encoding': 'identity' };
}

const canResume = (first: Response, { signal }: Way): boolean =>
  first.status === 200 && !signal.aborted && validatorOf(first) !== null;

const continues = (answer: Response, from: number): boolean =>
  answer.status === 206 && answer.headers.get('content-range')?.startsWith(`bytes ${from}-`) === true;

async function followed(start: string, headers: Record<string, string>, way: Way): Promise<Response> {
  let url = start;
  for (let left = MOST_REDIRECTS; ; left -= 1) {
    const { dispatcher, signal } = way;
    // Identity: a length and places that are those of the file itself.
    const asked = { 'accept-encoding': 'identity', ...headers };
    const answer = await fetch(url, { headers: asked, dispatcher, signal, redirect: 'manual' });
    const to = answer.headers.get('location');
    if (!REDIRECTS.has(answer.status) || to === null) return answer;
    await answer.body?.cancel();
    if (left === 0) throw new Error(`it was redirected more than ${MOST_REDIRECTS} times`);
    const problem = redirectProblem(url, to);
    if (problem !== null) throw new Error(`its redirect is not followed: ${problem}`);
    url = new URL(to, url).href;
  }
}

class Pieces {
  #all: Uint8Array[] = [];
  size = 0;
  readonly #limit: number;
  constructor(limit: number) {
    this.#limit = limit;
  }
  clear(): void {
    this.#all = [];
    this.size = 0;
  }
  /** Returns how it broke off; null: it came to its end. */
  async take(body: AsyncIterable<unknown> | null): Promise<Error | null> {
    const reader = body?.[Symbol.asyncIterator]();
    while (reader) {
      const next = await reader.next().catch((error: unknown) => error as Error);
      if (next instanceof Error) return next;
      if (next.done) return null;
      const chunk = next.value as Uint8Array;
      this.size += chunk.length;
      if (this.size > this.#limit) throw new Error('the answer is too large');
      this.#all.push(chunk);
    }
    return null;
  }
  whole(): Uint8Array {
    return Buffer.concat(this.#all);
  }
}

/** RFC 9530, and what Google's storage says, where OSV lies. */
function checkDigests(headers: Headers, bytes: Uint8Array): void {
  const told = [
    ['sha256', /(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):/i.exec(headers.get('repr-digest') ?? '')?.[1]],
    ['md5', /(?:^|,)\s*md5=([A-Za-z0-9+/=]+)/.exec(headers.get('x-goog-hash') ?? '')?.[1]],
  ] as const;
  for (const [algorithm, digest] of told) {
    if (digest !== undefined && createHash(algorithm).update(bytes).digest('base64') !== digest)
      throw new Error(`what came does not have the ${algorithm} checksum that came with it`);
  }
}
