import { Agent, fetch } from 'undici';
import type { AuthorityAccess } from './contract.ts';

const TIMEOUT_MS = 10_000;
const LIMIT = 1024 * 1024;

export interface Reply {
  status: number;
  text: string;
}

/** Private keys and tokens are at stake: plain HTTP only where nobody can listen in. */
export function urlProblem(url: string): string | null {
  if (!URL.canParse(url)) return `${url} is not a URL`;
  const { protocol, hostname, search, hash } = new URL(url);
  if (search || hash) return 'its URL has a query or fragment';
  if (protocol === 'https:') return null;
  const loopback = /^127(?:\.\d{1,3}){3}$|^localhost$|^\[::1\]$/.test(hostname);
  if (protocol !== 'http:') return 'its URL begins neither with https:// nor http://';
  return loopback ? null : 'plain http is taken on this machine only; give an https:// URL';
}

/** One request to the authority; its HTTPS certificate must lead to the root that was given. */
export async function ask(
  access: Pick<AuthorityAccess, 'url' | 'root'>,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<Reply> {
  const dispatcher = new Agent({ connect: access.root ? { ca: access.root } : {} });
  try {
    const response = await fetch(`${access.url.replace(/\/+$/, '')}${path}`, {
      method,
      dispatcher,
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
    });
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      if (text.length > LIMIT) throw new Error('the answer is too large');
    }
    return { status: response.status, text };
  } catch (error) {
    const cause = (error as Error).cause;
    throw new Error(cause instanceof Error ? cause.message : (error as Error).message, { cause: error });
  } finally {
    await dispatcher.destroy();
  }
}
