import { type Feed, isBehind } from '../model/feed.ts';
import { ago, count } from './output.ts';

export interface FeedTrouble {
  name: string;
  why: string;
  /** the command that mends it, or shows that it is mended */
  next: string;
}

/** null: what it says is as new as it can be. */
export function troubleOf(feed: Feed, now: Date): FeedTrouble | null {
  const { name, url, counts, lastError, lastOkAt } = feed;
  const why = (): string | null => {
    const inForce =
      counts === null ? 'nothing of it is in force' : `what came ${ago(lastOkAt, now.getTime())} is in force`;
    if (lastError !== null) return `${lastError.replace(/\.$/, '')}; ${inForce}`;
    if (isBehind(feed, now)) return `it was taken last ${ago(lastOkAt, now.getTime())}`;
    return url === null && counts === null ? 'nothing was handed over yet' : null;
  };
  const found = why();
  if (found === null) return null;
  const next = url === null ? `lastember feed import ${name} FILE` : `lastember feed sync ${name}`;
  return { name, why: found, next };
}

export const NO_FEED = 'none, so nothing is known of vulnerabilities: lastember feed add debian --kind debian-tracker';

/** How many there are and how many are in trouble, in a few words. */
export function feedsInWords(feeds: number, troubled: number): string {
  if (feeds === 0) return NO_FEED;
  return `${count(feeds, 'feed')}, ${troubled === 0 ? 'all up to date' : `${troubled} in error or old`}`;
}
