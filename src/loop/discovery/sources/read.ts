import type { SourceKind } from '../../../model/source.ts';
import type { SourceRecord } from './contract.ts';
import { SOURCES } from './registry.ts';

/** A file that was handed over, beside its text. */
export interface HandedOver {
  kind: SourceKind;
  /** with defaults filled in */
  settings: Readonly<Record<string, string>>;
  /** ISO 8601 */
  now: string;
}

export interface ReadFile {
  records: SourceRecord[];
  /** what was told and cannot be used, by reason */
  skipped: ReadonlyMap<string, number>;
}

const MOST_KINDS_OF_SKIPPED = 20;

/** Counts what is left out; strangers may make up no end of reasons. */
export function countIn(skipped: Map<string, number>, why: string, times = 1): void {
  if (skipped.has(why) || skipped.size < MOST_KINDS_OF_SKIPPED) skipped.set(why, (skipped.get(why) ?? 0) + times);
}

/** All that takes time about a file. Throws an Error in plain words. */
export function readFile({ kind, settings, now }: HandedOver, text: string): ReadFile {
  const member = SOURCES[kind];
  if (member.how !== 'pushed') throw new Error(`a source of kind ${kind} is asked, and reads no files`);
  const skipped = new Map<string, number>();
  const records = member.parse(text, { settings, now: new Date(now), skip: (why) => countIn(skipped, why) });
  return { records, skipped };
}
