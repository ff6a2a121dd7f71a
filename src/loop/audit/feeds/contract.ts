import type { FeedKind } from '../../../model/feed.ts';
import type { Signal, Statement } from '../../../model/statement.ts';

export type FeedSettings = Readonly<Record<string, string>>;

export interface FeedContent {
  /** when it was made, by itself, as ISO 8601; null: it does not say */
  time: string | null;
  statements: Statement[];
  signals: Signal[];
  /** records that could not be used, with why; absent: the feed is taken as a whole or not at all */
  skipped?: string[];
}

export interface FeedInfo {
  kind: FeedKind;
  title: string;
  /** settings that it cannot do without, with what they are */
  needs: Readonly<Record<string, string>>;
  /** ecosystem whose own distribution publishes it; null: somebody else does */
  ownOf: string | null;
  covers: 'all' | 'fixed-only';
}

export interface FeedMember {
  info: FeedInfo;
  /** where it is published; null: nowhere as one file, it is imported */
  url(settings: FeedSettings): string | null;
  /** All of it or nothing: throws an Error in plain words that names what is wrong where. `now`: nothing is newer. */
  parse(bytes: Uint8Array, settings: FeedSettings, now?: Date): FeedContent;
}
