import * as z from 'zod';
import type { Finding } from '../../../model/finding.ts';
import { Severity } from '../../../model/kit.ts';

/** The soonest to end first, or the most severe; else in the order of their ids. */
export type Sort = 'due' | 'worst';

/** Where a page ended: by what it is sorted, and the id. Said in full, so that it holds when the finding changes meanwhile. */
export interface Position {
  /** null: sorted by ids alone, or without a time to end */
  key: string | null;
  id: string;
}

const Id = z.string().regex(/^finding_[0-9A-Za-z]{1,40}$/);
const NEVER = 'never';
const KEYS = {
  due: z.union([z.literal(NEVER), z.iso.datetime({ precision: 3 })]),
  worst: Severity,
} as const;

export function cursorOf(
  sort: Sort | undefined,
  { id, dueAt, severity }: Pick<Finding, 'id' | 'dueAt' | 'severity'>,
): string {
  if (sort === undefined) return id;
  return `${sort === 'due' ? (dueAt ?? NEVER) : severity}/${id}`;
}

/** null: it is no end of a page in that order. */
export function positionAt(sort: Sort | undefined, cursor: string): Position | null {
  const [id, key, ...more] = cursor.split('/').toReversed();
  if (more.length > 0 || !Id.safeParse(id).success) return null;
  if (sort === undefined) return key === undefined ? { key: null, id: id! } : null;
  return KEYS[sort].safeParse(key).success ? { key: key === NEVER ? null : key!, id: id! } : null;
}
