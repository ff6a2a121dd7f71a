export { append, appendAll, subjectKey } from './append.ts';
export { canonicalBytes, leafHash, sha256, sha256Hex } from './canonical.ts';
export {
  countUnsequenced,
  entriesAfter,
  entryById,
  isSequenced,
  lastUnsequenced,
  type EntryFilter,
  type LedgerEntry,
  listEntries,
  markSequenced,
  readUnsequenced,
} from './read.ts';
