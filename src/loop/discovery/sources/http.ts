import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, type Outgoing, request } from '../../../platform/http/outgoing.ts';

const TIMEOUT_MS = 30_000;
/** An answer is one page; 64 MiB of it is somebody's mistake. */
const LIMIT = 64 * 1024 * 1024;
const PAGES = 10_000;
const TRIES = 4;
const LONGEST_WAIT_MS = 60_000;
/** What a server said that refused us, as far as it helps. */
const SAID = 200;

export type Ask = Partial<Pick<Outgoing, 'method' | 'body' | 'headers'>> & {
  /** for an answer that is no JSON */
  as?: 'json' | 'text';
};

export interface SourceHttp {
  /** The body of a successful answer; waits and asks again where the other side says it is too busy. */
  ask(url: string, how?: Ask): Promise<unknown>;
}

export function sourceHttp(base: {
  ca?: string | undefined;
  socketPath?: string | undefined;
  signal?: AbortSignal | undefined;
  /** ms; for tests */
  firstWaitMs?: number;
}): SourceHttp {
  const once = (url: string, how: Ask): Promise<Answer> =>
    request(url, {
      method: how.method ?? 'GET',
      headers: { accept: how.as === 'text' ? '*/*' : 'application/json', ...how.headers },
      ...(how.body === undefined ? {} : { body: how.body }),
      ca: base.ca,
      socketPath: base.socketPath,
      signal: base.signal,
      timeoutMs: TIMEOUT_MS,
      limit: LIMIT,
    });
  return {
    ask: async (url, how = {}) => {
      for (let attempt = 1; ; attempt++) {
        const answer = await once(url, how);
        if (answer.status >= 200 && answer.status < 300)
          return how.as === 'text' ? answer.text : json(url, answer.text);
        if (attempt >= TRIES || !isBusy(answer.status)) throw refused(url, answer);
        await sleep(waitFor(answer, (base.firstWaitMs ?? 1000) * 2 ** (attempt - 1)), undefined, {
          signal: base.signal,
        });
      }
    },
  };
}

const isBusy = (status: number): boolean => [429, 502, 503, 504].includes(status);

/** `Retry-After` in seconds or as a date (RFC 9110 §10.2.3), within reason. */
function waitFor(answer: Answer, otherwise: number): number {
  const said = answer.headers.get('retry-after');
  if (said === null) return otherwise;
  const ms = /^\d+$/.test(said) ? Number(said) * 1000 : Date.parse(said) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), LONGEST_WAIT_MS) : otherwise;
}

function json(url: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${whereOf(url)} answered with something that is no JSON`);
  }
}

function refused(url: string, { status, text }: Answer): Error {
  const said = text.replaceAll(/\s+/g, ' ').trim().slice(0, SAID);
  const hint = status === 401 || status === 403 ? '; check the token and what it may read' : '';
  return new Error(`${whereOf(url)} answered ${status}${said ? ` (${said})` : ''}${hint}`);
}

/** Without the query: it may hold what nobody else should read. */
function whereOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}

/** Walks pages until `next` says there is none. A server that never ends is refused. */
export async function* pages<T>(first: string, read: (url: string) => Promise<{ items: T[]; next: string | null }>) {
  let url: string | null = first;
  for (let count = 0; url !== null; count++) {
    if (count >= PAGES) throw new Error(`${whereOf(first)} has no last page`);
    const { items, next }: { items: T[]; next: string | null } = await read(url);
    yield* items;
    if (next !== null && new URL(next).origin !== new URL(first).origin)
      throw new Error(`${whereOf(first)} names a next page elsewhere (${new URL(next).host})`);
    url = next;
  }
}

/** `https://host/base/` and `/path` as one. */
export const at = (base: string, path: string): string => `${base.replace(/\/+$/, '')}${path}`;
export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token.trim()}` });
