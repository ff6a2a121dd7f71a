import { type Reading, readerApart } from '../../../platform/apart/index.ts';
import type { SourceRecord } from './contract.ts';
import { type HandedOver, readFile, type ReadFile } from './read.ts';
import type { FileRest } from './reader-process.ts';

/** What reading one file may take. */
export const READING: Reading = { memoryMb: 1024, timeoutMs: 5 * 60_000 };

/** Smaller ones are read here, in some milliseconds; a process takes longer to start. */
const READ_HERE = 256 * 1024;
const inProcess = readerApart<HandedOver, SourceRecord[], FileRest>(new URL('./reader-process.ts', import.meta.url));

/** Reads a file that was handed over, a large one in a process of its own. Throws an Error in plain words. */
export async function readApart(
  asked: HandedOver,
  bytes: Buffer,
  stopping: AbortSignal,
  reading: Reading = READING,
): Promise<ReadFile> {
  if (bytes.length <= READ_HERE) return readFile(asked, bytes.toString('utf8'));
  const { pieces, rest } = await inProcess({ asked, bytes, stopping, reading });
  return { ...rest, records: pieces.flat() };
}
