import { isLoopback, originProblem } from './outgoing.ts';

/**
 * Why a redirect is not followed; null: it is. It may lead where the URL itself might have been set to, and neither from
 * https to http nor from elsewhere to this machine, whose services trust whoever is here. A query is taken: that is how
 * storage signs its addresses.
 */
export function redirectProblem(from: string, location: string): string | null {
  if (!URL.canParse(location, from)) return 'it leads to no URL';
  const [now, next] = [new URL(from), new URL(location, from)];
  if (now.protocol === 'https:' && next.protocol !== 'https:') return 'it leads away from https';
  if (isLoopback(next.hostname) && !isLoopback(now.hostname)) return 'it leads to this machine';
  return originProblem(next.href);
}
