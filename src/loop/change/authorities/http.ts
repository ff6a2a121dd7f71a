import { type Answer, request } from '../../../platform/http/outgoing.ts';
import type { AuthorityAccess } from './contract.ts';

const TIMEOUT_MS = 10_000;
const LIMIT = 1024 * 1024;

/** One request to the authority; its HTTPS certificate must lead to the root that was given. */
export function ask(
  access: Pick<AuthorityAccess, 'url' | 'root'>,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<Pick<Answer, 'status' | 'text'>> {
  return request(`${access.url.replace(/\/+$/, '')}${path}`, {
    method,
    ca: access.root ?? undefined,
    timeoutMs: TIMEOUT_MS,
    limit: LIMIT,
    ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
  });
}
