import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';

export type FromReader<Piece, Rest> =
  | { kind: 'piece'; piece: Piece }
  | { kind: 'read'; rest: Rest }
  | { kind: 'refused'; why: string };

/**
 * The other side of `readerApart`, in the process of its own: the file comes on standard input, what it says goes back
 * in pieces. `read` tells them, and returns the rest.
 */
export async function serveReader<Asked, Piece, Rest>(
  read: (asked: Asked, bytes: Buffer, tell: (piece: Piece) => Promise<void>) => Promise<Rest>,
): Promise<void> {
  // One piece at a time: the next is made when the last is on its way.
  const say = promisify((message: FromReader<Piece, Rest>, done: (error: Error | null) => void) =>
    process.send!(message, done),
  );
  const [[asked], bytes] = await Promise.all([once(process, 'message') as Promise<[Asked]>, buffer(process.stdin)]);
  try {
    const rest = await read(asked, bytes, (piece) => say({ kind: 'piece', piece }));
    await say({ kind: 'read', rest });
  } catch (error) {
    await say({ kind: 'refused', why: error instanceof Error ? error.message : String(error) });
  }
  process.disconnect();
}
