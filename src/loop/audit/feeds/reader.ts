import { type Reading, readerApart } from '../../../platform/apart/index.ts';
import { readFeed, type ReadFeed, type ToRead } from './read.ts';
import type { FeedPiece, FeedRest } from './reader-process.ts';
import { isPacked } from './unpack.ts';

export type { Reading } from '../../../platform/apart/index.ts';

/** What reading one feed may take. */
export const READING: Reading = { memoryMb: 2048, timeoutMs: 10 * 60_000 };

/** Smaller ones are read here, in some milliseconds; a process takes longer to start. Packed ones may unpack to anything. */
const READ_HERE = 256 * 1024;
const inProcess = readerApart<ToRead, FeedPiece, FeedRest>(new URL('./reader-process.ts', import.meta.url));

/** Reads a feed, a large one in a process of its own. Throws an Error in plain words. */
export async function readApart(
  asked: ToRead,
  bytes: Uint8Array,
  stopping: AbortSignal,
  reading: Reading = READING,
): Promise<ReadFeed> {
  if (bytes.length <= READ_HERE && !isPacked(bytes)) return readFeed(asked, bytes);
  const { pieces, rest } = await inProcess({ asked, bytes, stopping, reading });
  const statements = pieces.flatMap((piece) => ('statements' in piece ? piece.statements : []));
  const signals = pieces.flatMap((piece) => ('signals' in piece ? piece.signals : []));
  return { ...rest, statements, signals };
}
