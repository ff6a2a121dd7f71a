/** The process that reads a large feed. */
import { serveReader } from '../../../platform/apart/child.ts';
import { chunks } from '../../../platform/db/many.ts';
import { readFeed, type ReadFeed, type SignalRow, type StatementRow, type ToRead } from './read.ts';

export type FeedPiece = { statements: StatementRow[] } | { signals: SignalRow[] };
export type FeedRest = Pick<ReadFeed, 'digest' | 'time' | 'skipped'>;

await serveReader<ToRead, FeedPiece, FeedRest>(async (asked, bytes, tell) => {
  const { statements, signals, ...rest } = readFeed(asked, bytes);
  for (const rows of chunks(statements)) await tell({ statements: rows });
  for (const rows of chunks(signals)) await tell({ signals: rows });
  return rest;
});
