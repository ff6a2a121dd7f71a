import type { FeedKind } from '../../../model/feed.ts';
import type { Signal, Statement } from '../../../model/statement.ts';
import type { Change } from './changes.ts';

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

/** Published as many documents with a list of when each changed: only what changed is fetched. */
export interface Changes {
  /** as one file, too: the first time, and where too much changed, that one is taken */
  isWholePublished: boolean;
  /** where the list is, from the feed's address; null: there is none beside such an address */
  list(url: string): string | null;
  /** throws where it is no such list */
  read(text: string): Change[];
  document(url: string, path: string): string;
  /** what a document is called by its path, and by a statement that came from it; in capitals */
  name(path: string): string;
  nameOf(statement: Pick<Statement, 'id' | 'aliases'>): string;
  /** where the SHA-256 of a document is */
  checksum?(url: string): string;
}

export interface FeedMember {
  info: FeedInfo;
  /** where it is published; null: nowhere as one file, it is imported */
  url(settings: FeedSettings): string | null;
  /** All of it or nothing: throws an Error in plain words that names what is wrong where. `now`: nothing is newer. */
  parse(bytes: Uint8Array, settings: FeedSettings, now?: Date): FeedContent;
  changes?: Changes;
}
