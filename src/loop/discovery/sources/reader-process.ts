/** The process that reads a large file of a source. */
import { serveReader } from '../../../platform/apart/child.ts';
import { chunks } from '../../../platform/db/many.ts';
import type { SourceRecord } from './contract.ts';
import { type HandedOver, readFile, type ReadFile } from './read.ts';

export type FileRest = Pick<ReadFile, 'skipped'>;

await serveReader<HandedOver, SourceRecord[], FileRest>(async (asked, bytes, tell) => {
  const { records, skipped } = readFile(asked, bytes.toString('utf8'));
  for (const some of chunks(records)) await tell(some);
  return { skipped };
});
