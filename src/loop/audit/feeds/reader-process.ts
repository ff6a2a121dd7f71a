/** The process that reads a large feed: the file comes on standard input, what it says goes back in pieces. */
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { chunks } from '../../../platform/db/many.ts';
import { readFeed, type ReadFeed, type SignalRow, type StatementRow, type ToRead } from './read.ts';

export type FromReader =
  | { kind: 'statements'; rows: StatementRow[] }
  | { kind: 'signals'; rows: SignalRow[] }
  | { kind: 'read'; rest: Pick<ReadFeed, 'digest' | 'time' | 'skipped'> }
  | { kind: 'refused'; why: string };

/** One piece at a time: the next is made when the last is on its way. */
const say = promisify((message: FromReader, done: (error: Error | null) => void) => void process.send!(message, done));

async function tell({ statements, signals, ...rest }: ReadFeed): Promise<void> {
  for (const rows of chunks(statements)) await say({ kind: 'statements', rows });
  for (const rows of chunks(signals)) await say({ kind: 'signals', rows });
  await say({ kind: 'read', rest });
}

const [[asked], bytes] = await Promise.all([once(process, 'message') as Promise<[ToRead]>, buffer(process.stdin)]);
try {
  await tell(readFeed(asked, bytes));
} catch (error) {
  await say({ kind: 'refused', why: error instanceof Error ? error.message : String(error) });
}
process.disconnect();
